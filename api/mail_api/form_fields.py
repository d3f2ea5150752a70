"""Sorts the fields of a request: those of the API, those that protect the form, and those for the mail."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mail_api.bot_checks import OPENED_AT
from mail_api.captcha import TOKEN_FIELDS
from mail_api.extra_fields import parse_extra_fields
from mail_api.schemas import SendRequest

FIELDS: Final = "fields"
REDIRECT: Final = "redirect"
METADATA: Final = "metadata"
ATTACHMENTS: Final = "attachments"
_EXPLICIT: Final = f"{FIELDS}."
_TAG: Final = f"{METADATA}."
_OWN: Final = frozenset(field.alias or name for name, field in SendRequest.model_fields.items())
_MOST_IGNORED: Final = 20
_NAME_IN_ANSWERS: Final = 60


def is_protection(name: str, honeypots: Iterable[str]) -> bool:
    """Return whether a field protects or controls the form, and so is never part of a mail.

    These are the honeypots, the time of opening, the redirect, captcha tokens, and names that begin with `_`.
    """
    return name.startswith("_") or name in {OPENED_AT, REDIRECT, *TOKEN_FIELDS, *honeypots}


@dataclass(frozen=True, slots=True)
class SortedFields:
    """The fields of a request to /send: the API's own, those that are appended to the mail, and ignored ones."""

    own: Mapping[str, Any]
    extra: tuple[tuple[str, object], ...] = ()
    """Extra fields of a form; JSON has them in `fields`, which is one of the API's own."""
    ignored: tuple[str, ...] = ()
    """Names for the answer: 20 at most, of 60 characters at most."""

    def payload(self) -> dict[str, Any]:
        """Return the fields as SendRequest takes them.

        Raises:
            InvalidRequest: an extra field cannot be used; the error has its name in the form.
        """
        extra = parse_extra_fields(self.extra)
        return {**self.own, FIELDS: extra} if extra else dict(self.own)


def sort_fields(
    payload: Mapping[str, Any], honeypots: Iterable[str], *, is_form: bool, is_automatic: bool
) -> SortedFields:
    """Sort the fields of a request to /send: the API's own, extra fields of the mail, and ignored ones.

    Args:
        payload: the decoded body.
        honeypots: names of the honeypot fields.
        is_form: whether the body is an HTML form, in which `fields.NAME` always is an extra field.
        is_automatic: whether a form's unknown fields are extra fields too.
    """
    own = {name: value for name, value in payload.items() if name in _OWN and not (is_form and name == FIELDS)}
    others = [
        (name, value) for name, value in payload.items() if name not in own and not _is_hidden(name, payload, honeypots)
    ]
    if not is_form:
        return SortedFields(own, (), _shown(name for name, value in others if value is not None))
    extra = tuple((_plain(name), value) for name, value in others if is_automatic or _is_explicit(name))
    return SortedFields(own, extra, _shown(name for name, _ in others if not (is_automatic or _is_explicit(name))))


def form_fields(payload: Mapping[str, Any], honeypots: Iterable[str]) -> Iterator[tuple[str, object]]:
    """Yield the fields of a request to a form that has a file: all but files, tags and what protects the form."""
    for name, value in payload.items():
        is_part = (name == METADATA and isinstance(value, Mapping)) or (name == ATTACHMENTS and isinstance(value, list))
        if not is_part and not _is_hidden(name, payload, honeypots):
            yield name, value


def _is_explicit(name: str) -> bool:
    return name.startswith(_EXPLICIT) and len(name) > len(_EXPLICIT)


def _plain(name: str) -> str:
    return name.removeprefix(_EXPLICIT) if _is_explicit(name) else name


def _is_hidden(name: str, payload: Mapping[str, Any], honeypots: Iterable[str]) -> bool:
    is_tag = name.startswith(_TAG) and isinstance(payload.get(METADATA), Mapping)
    return is_tag or is_protection(name, honeypots)


def _shown(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name[:_NAME_IN_ANSWERS] for name in names)[:_MOST_IGNORED]
