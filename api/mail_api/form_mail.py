"""Makes a mail from the fields of a form with a definition; the file alone decides recipient, sender and templates."""

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from mail_api.errors import InvalidRequest, Problem
from mail_api.extra_fields import ExtraField, as_text, parse_extra_fields
from mail_api.fields import LONGEST_LINE, LONGEST_NAME
from mail_api.form_fields import ATTACHMENTS, METADATA, form_fields
from mail_api.form_files import Form
from mail_api.form_templates import FormTemplate
from mail_api.schemas import SendRequest, parse_send_request
from mail_api.settings import Settings

FORM_TAG: Final = "form"
"""The tag with the form's name, in the status and the log line of a mail."""
_REQUEST: Final = "request"
_CUT: Final = "…"
# Unicode categories: control characters, lone surrogates, line and paragraph separators.
_NOT_IN_A_LINE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Marks that change the direction of the text after them, and marks without a width. Joiners, as in emoji, stay.
_INVISIBLE: Final = frozenset("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")


def make_form_mail(
    form: Form, payload: Mapping[str, Any], settings: Settings, honeypots: tuple[str, ...]
) -> SendRequest:
    """Return the mail of a form. Fields that no template shows are appended to it, under their labels.

    Args:
        form: the form, whose recipients, templates and required fields apply.
        payload: the decoded body.
        settings: limits of attachments.
        honeypots: names of the honeypot fields.

    Raises:
        InvalidRequest: names every field that is missing or cannot be used, as the form names it.
        RequestTooLarge: the attachments are, taken together.
    """
    fields = parse_extra_fields(form_fields(payload, honeypots))
    values = _values(fields)
    problems: list[Problem] = [(name, "is required") for name in form.file.required if not values.get(name)]
    try:
        request = parse_send_request(
            _content(form, fields, values, payload), settings.max_attachments, settings.max_attachment_bytes
        )
    except InvalidRequest as error:
        problems.extend(_problems(form, error, has_missing=bool(problems)))
    if problems:
        raise InvalidRequest(tuple(problems))
    return request


def _values(fields: tuple[ExtraField, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _content(
    form: Form, fields: tuple[ExtraField, ...], values: Mapping[str, str], payload: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the mail as /send takes it."""
    file = form.file
    shown = [(form.label(name), value) for name, value in fields if not all(t.shows(name) for t in file.templates)]
    listed = [(form.label(name), value) for name, value in fields]
    body, markup = _rendered(file.body, values), _rendered(file.html, values)
    subject = subject_line(file.subject.render(values)) or f"Message from the form {form.name}"
    content: dict[str, Any] = {"to": file.to, "subject": subject}
    if body is None and markup is None:
        content["body"] = as_text(listed)
    else:
        content |= {"body": body, "html": markup or False, "fields": tuple(shown)}
    tags, files = payload.get(METADATA), payload.get(ATTACHMENTS)
    return content | {
        "reply_to": _reply_to(form, values),
        "attachments": files if isinstance(files, list) else (),
        "metadata": {**(tags if isinstance(tags, Mapping) else {}), FORM_TAG: form.name},
    }


def _rendered(template: FormTemplate | None, values: Mapping[str, str]) -> str | None:
    text = template.render(values) if template else ""
    return text if text.strip() else None


def subject_line(text: str) -> str:
    """Return the text as one line of up to 500 characters, without control and invisible characters."""
    line = one_line_of(text)
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + _CUT


def one_line_of(text: str) -> str:
    """Return the text in one line: control characters become blanks, and several blanks become one."""
    return " ".join("".join(" " if _ends_a_line(c) else c for c in text if c not in _INVISIBLE).split())


def _ends_a_line(character: str) -> bool:
    return unicodedata.category(character) in _NOT_IN_A_LINE


def _reply_to(form: Form, values: Mapping[str, str]) -> dict[str, str] | None:
    address = values.get(form.file.reply_to or "")
    if not address:
        return None
    name = one_line_of(values.get(form.file.reply_to_name or "", ""))
    return {"email": address, "name": name[:LONGEST_NAME]}


def _problems(form: Form, error: InvalidRequest, *, has_missing: bool) -> list[Problem]:
    """Return the problems under the names of the form's fields."""
    found: list[Problem] = []
    for field, problem in error.problems:
        if field == "body":
            # All fields are empty. If required fields are missing, their errors are enough.
            found.extend([] if has_missing else [(_REQUEST, "has no field that is filled in")])
        elif field.partition(".")[0] == "reply_to":
            found.append((form.file.reply_to or field, problem))
        else:
            found.append((field, problem))
    return found
