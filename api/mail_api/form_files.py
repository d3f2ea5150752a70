"""Form files: reads one `NAME.toml` for each form at the start, and reports each problem with file, key and fix.

# forms/contact.toml
to = "hi@example.org"
subject = "Contact form: {{ topic }}"
reply_to = "email"
required = ["email", "message"]
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from mail_api.extra_fields import LONGEST_FIELD_NAME
from mail_api.fields import Line, Mailboxes
from mail_api.form_fields import is_protection
from mail_api.form_templates import FormTemplate, TemplateUnusable
from mail_api.responses import FORMS_PATH
from mail_api.settings import Settings, parse_site
from mail_telemetry.configuration import SettingsInvalid

SUFFIX: Final = ".toml"
MOST_FORMS: Final = 50
"""A limit, because each form adds a path and time series."""
_MOST_BYTES: Final = 100_000
_FORM_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KEYS: Final = "to, subject, body, html, reply_to, reply_to_name, required, labels, origins, confirmation"
_WORDS: Final = {
    "extra_forbidden": f"is not a key of a form file; the keys are {_KEYS}",
    "string_type": 'is not a text; write it in quotes: "..."',
    "is_instance_of": 'is not a text; write it in quotes: "..."',
    "tuple_type": 'is not a list; write ["one", "two"]',
    "dict_type": "is not a table of names and texts",
    "model_type": "is not a table",
}
_FIXES: Final = {
    "to": 'write it like to = "you@example.org"',
    "origins": 'write it like origins = ["shop.example.org"]',
}


class FormsInvalid(SettingsInvalid):
    """At least one form file cannot be used: `lines` has one line per problem, with file, key and fix."""


def _field_name(name: str) -> str:
    if not name.strip() or len(name) > LONGEST_FIELD_NAME:
        raise ValueError(
            f"is not the name of a field; write the name that the HTML has, up to {LONGEST_FIELD_NAME} letters"
        )
    return name


def _page_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii() or not url.isprintable():
        raise ValueError("is not the address of a page; write it like https://www.example.org/thank-you.html")
    return url


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _template(source: str, *, is_html: bool) -> FormTemplate:
    try:
        return FormTemplate(source, is_html=is_html)
    except TemplateUnusable as error:
        raise ValueError(f"{error}; correct the template") from None


def _text_template(source: object) -> object:
    return _template(source, is_html=False) if isinstance(source, str) else source


def _html_template(source: object) -> object:
    return _template(source, is_html=True) if isinstance(source, str) else source


FieldName = Annotated[str, AfterValidator(_field_name)]
PageAddress = Annotated[str, AfterValidator(_page_address)]
TextTemplate = Annotated[FormTemplate, BeforeValidator(_text_template)]
HtmlTemplate = Annotated[FormTemplate, BeforeValidator(_html_template)]


class Confirmation(BaseModel):
    """The page after a success, for a visitor without JavaScript: a page of the API, or a page of the site."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Line = Field(default="Thank you", description="Heading of the page.")
    text: Line = Field(default="Your message has been sent.", description="Sentence below it.")
    redirect: PageAddress | None = Field(default=None, description="Address of a page to show in its place.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.redirect is not None and self.model_fields_set & {"title", "text"}:
            raise ValueError("redirect replaces the page: remove title and text, or redirect")
        return self


class FormFile(BaseModel):
    """The content of a form file."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)

    to: Mailboxes = Field(default=(), description="Recipient, or a list; DEFAULT_TO when absent.")
    subject: TextTemplate = Field(
        default_factory=lambda: FormTemplate("Message from the website"), description="Template of the subject."
    )
    body: TextTemplate | None = Field(default=None, description="Template of the text; absent: a list of all fields.")
    html: HtmlTemplate | None = Field(default=None, description="Template of an HTML part; values are escaped.")
    reply_to: FieldName | None = Field(default=None, description="Field with the visitor's address.")
    reply_to_name: FieldName | None = Field(default=None, description="Field with the visitor's name.")
    required: Annotated[tuple[FieldName, ...], BeforeValidator(_as_tuple)] = Field(
        default=(), description="Fields that must not be empty."
    )
    labels: dict[FieldName, Line] = Field(default={}, description="What mail and error pages call a field.")
    origins: Annotated[tuple[Annotated[str, AfterValidator(parse_site)], ...], BeforeValidator(_as_tuple)] = Field(
        default=(), description="Sites that may send this form, in addition to ALLOWED_HOSTS."
    )
    confirmation: Confirmation = Field(default=Confirmation(), description="The page after a success.")

    @property
    def templates(self) -> tuple[FormTemplate, ...]:
        """The templates that the file has for the content: body and HTML."""
        return tuple(one for one in (self.body, self.html) if one is not None)

    @property
    def named_fields(self) -> Iterator[tuple[str, str]]:
        """Pairs of a key of the file and a field that this key names."""
        for key, name in (("reply_to", self.reply_to), ("reply_to_name", self.reply_to_name)):
            if name is not None:
                yield key, name
        yield from (("required", name) for name in self.required)
        yield from (("labels", name) for name in self.labels)
        for key in ("subject", "body", "html"):
            template: FormTemplate | None = getattr(self, key)
            yield from ((key, name) for name in sorted(template.names if template else ()))


@dataclass(frozen=True, slots=True)
class Form:
    """A form that the API accepts at `path`."""

    name: str
    file: FormFile

    @property
    def path(self) -> str:
        """The path to which the form is posted."""
        return f"{FORMS_PATH}{self.name}"

    def label(self, field: str) -> str:
        """Return the name of a field in the mail and on error pages."""
        return self.file.labels.get(field, field)


def load_forms(settings: Settings) -> Mapping[str, Form]:
    """Return the forms of FORMS_PATH by their path; none when there is no such folder, or no file in it.

    Raises:
        FormsInvalid: one line for each problem of each file.
    """
    problems: list[str] = []
    forms: dict[str, Form] = {}
    for path in _files(settings.forms_path):
        try:
            form = Form(path.stem, _read(path, settings))
        except FormsInvalid as error:
            problems.extend(f"forms/{path.name}: {line}" for line in error.lines)
        else:
            forms[form.path] = form
    if len(forms) > MOST_FORMS:
        problems.append(f"forms: there are {len(forms)} form files; {MOST_FORMS} is the most, remove some")
    if problems:
        raise FormsInvalid(problems)
    return forms


def _files(folder: Path) -> list[Path]:
    try:
        if not folder.exists():
            return []
        return sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and not path.name.startswith("."))
    except OSError as error:
        fix = "make the folder of FORMS_DIR readable: chmod a+rx"
        raise FormsInvalid((f"forms: {folder} cannot be read ({error.strerror}); {fix}",)) from None


def _read(path: Path, settings: Settings) -> FormFile:
    if not _FORM_NAME.fullmatch(path.stem):
        raise FormsInvalid(("the name becomes a path: rename it to a-z, 0-9, - and _, 40 characters at most",))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormsInvalid(
            (f"cannot be read ({error.strerror}); make it a file that all can read: chmod a+r",)
        ) from None
    if len(content) > _MOST_BYTES:
        raise FormsInvalid((f"has {len(content)} bytes; {_MOST_BYTES} is the most, shorten the templates",))
    return parse_form(content, settings)


def parse_form(content: bytes, settings: Settings) -> FormFile:
    """Return the content of a form file.

    Raises:
        FormsInvalid: it is not TOML (https://toml.io/en/v1.0.0), or one of its keys cannot be used.
    """
    try:
        table: dict[str, Any] = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise FormsInvalid(("is not UTF-8; save it in this encoding",)) from None
    except tomllib.TOMLDecodeError as error:
        raise FormsInvalid((f"is not valid TOML: {error}; write texts in quotes, and [tables] at the end",)) from None
    try:
        form = FormFile.model_validate(table)
    except ValidationError as error:
        raise FormsInvalid(_line(found) for found in error.errors(include_url=False, include_input=False)) from None
    if problems := tuple(_problems(form, settings.honeypot_fields, has_default_to=settings.default_to is not None)):
        raise FormsInvalid(problems)
    return form


def _line(found: ErrorDetails) -> str:
    key = ".".join(str(step) for step in found["loc"] if step != "[key]")
    problem = _WORDS.get(found["type"], found["msg"].removeprefix("Value error, "))
    fix = _FIXES.get(key.partition(".")[0])
    return f"{key}: {problem}; {fix}" if fix else f"{key}: {problem}"


def _problems(form: FormFile, honeypots: Iterable[str], *, has_default_to: bool) -> Iterator[str]:
    if not form.to and not has_default_to:
        yield 'to: is required, because DEFAULT_TO is not set; write to = "you@example.org"'
    if form.reply_to_name is not None and form.reply_to is None:
        yield "reply_to_name: needs reply_to, the field with the visitor's address"
    hidden = {(key, name) for key, name in form.named_fields if is_protection(name, honeypots)}
    for key, name in sorted(hidden):
        yield f"{key}: the field {name} is never part of a mail (docs/forms.md); give it another name"
