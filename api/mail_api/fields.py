"""Field types of requests: each with its check, and its JSON Schema for OpenAPI."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from mail_api import header_fields
from mail_api.addresses import LONGEST_MAILBOX, Mailbox, parse_mailbox
from mail_api.invisible import without_invisible

Schema: TypeAlias = dict[str, Any]

MOST_RECIPIENTS: Final = 50
MOST_ENTRIES: Final = 20
LONGEST_NAME: Final = 200
LONGEST_LINE: Final = header_fields.LONGEST_OWN_VALUE
TAG_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$"
CONTROL: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_ONE_LINE: Final = rf"^[^{CONTROL}]*$"

LINE: Final[Schema] = {
    "type": "string",
    "maxLength": LONGEST_LINE,
    "pattern": rf"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$",
}
TEXT: Final[Schema] = {"type": "string", "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}
FLAG_OR_MARKUP: Final[Schema] = {
    "anyOf": [{"type": ["boolean", "null"]}, {"type": "string", "pattern": r"^[^\u0000]*<[^\u0000]*$"}]
}
_ADDRESS: Final[Schema] = {"type": "string", "format": "email", "maxLength": LONGEST_MAILBOX}
MAILBOX: Final[Schema] = {
    "anyOf": [
        {**_ADDRESS, "description": "An address; also as `Anna <anna@example.org>`."},
        {
            "type": "object",
            "properties": {
                "email": _ADDRESS,
                "name": {"type": ["string", "null"], "maxLength": LONGEST_NAME, "pattern": _ONE_LINE},
            },
            "required": ["email"],
            "additionalProperties": False,
        },
    ]
}


def or_empty(schema: Schema, *, null: bool = False) -> Schema:
    """Return the schema of a field that may also be empty, as forms send a field that was left out, or null."""
    return {"anyOf": [*schema.get("anyOf", [schema]), {"enum": ["", None] if null else [""]}]}


def optional(schema: Schema) -> Schema:
    """Return the schema of a JSON field that may be absent, null or empty."""
    return or_empty(schema, null=True)


_ENTRY: Final[Schema] = {"type": ["string", "null"], "maxLength": LONGEST_LINE, "pattern": _ONE_LINE}
_TAGS: Final[Schema] = {
    "type": ["object", "null"],
    "propertyNames": {"pattern": TAG_NAME},
    "additionalProperties": _ENTRY,
    "maxProperties": MOST_ENTRIES,
}
_MAILBOX_OR_NULL: Final[Schema] = {"anyOf": [*MAILBOX["anyOf"], {"type": "null"}]}
MAILBOXES: Final[Schema] = {
    "anyOf": [*optional(MAILBOX)["anyOf"], {"type": "array", "items": _MAILBOX_OR_NULL, "maxItems": MOST_RECIPIENTS}]
}

# Unicode categories: control characters, lone surrogates, and two separators that some programs treat as line ends.
_NEVER_IN_A_HEADER: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
PATTERNS: Final = {
    header_fields.NAME: header_fields.NAME_PROBLEM,
    TAG_NAME: "must be letters, digits, _, . or -",
}
"""Error message for each pattern."""


def one_line(value: str) -> str:
    """Return the text if it can be the value of a header.

    Raises:
        ValueError: the text holds a line break or another control character.
    """
    if value.isascii() and value.isprintable():
        return value
    if any(unicodedata.category(character) in _NEVER_IN_A_HEADER for character in value):
        raise ValueError("must be one line without control characters")
    return value


def not_blank(value: str) -> str:
    """Return the text if it holds more than white space.

    Raises:
        ValueError: the text is blank.
    """
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _content(value: str) -> str:
    """Return the text if it can be the content of a mail: valid Unicode without NUL."""
    if "\0" in value:
        raise ValueError("must not hold NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds text that is not valid Unicode") from None
    return value


def none_if_empty(value: object) -> object:
    """Return None for the empty string, which an HTML form sends for an empty field."""
    return None if value == "" else value


def _mailbox(value: object) -> Mailbox:
    """Return the mailbox of `a@x.org`, `Anna <a@x.org>` or `{"email": "a@x.org", "name": "Anna"}`."""
    if isinstance(value, Mailbox):
        return value
    if isinstance(value, Mapping) and value.keys() <= {"email", "name"}:
        email, name = value.get("email"), value.get("name") or ""
        if isinstance(email, str) and isinstance(name, str):
            found = _parsed(email)
            return Mailbox(found.address, _name(name) or found.name)
    if not isinstance(value, str):
        raise ValueError("must be a string, or an object of email and name")  # noqa: TRY004 - pydantic's contract
    found = _parsed(value)
    return Mailbox(found.address, _name(found.name))


def _parsed(text: str) -> Mailbox:
    # Cut to a length that is still rejected as too long: checking a million characters takes a second.
    return parse_mailbox(not_blank(one_line(text[: LONGEST_MAILBOX + 1])))


def _name(text: str) -> str:
    if len(text) > LONGEST_NAME:
        raise ValueError(f"has a name of more than {LONGEST_NAME} characters")
    return without_invisible(one_line(text)).strip()


def _as_list(value: object) -> object:
    if value is None or value == "":
        return ()
    if not isinstance(value, (list, tuple)):
        return (value,)
    if len(value) > MOST_RECIPIENTS:  # checked before the entries, each of which can have an error of its own
        raise ValueError(f"holds more than {MOST_RECIPIENTS} recipients")
    return tuple(one for one in value if one is not None)


def _once(mailboxes: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
    """Return the mailboxes without repeated addresses; domains are in lower case already."""
    return tuple({mailbox.address: mailbox for mailbox in reversed(mailboxes)}.values())[::-1]


def _few(value: object) -> object:
    """Return an object without its null entries."""
    if not isinstance(value, Mapping):
        return value
    if len(value) > MOST_ENTRIES:
        raise ValueError(f"holds more than {MOST_ENTRIES} entries")
    return {name: text for name, text in value.items() if text is not None}


def _visible(value: object) -> object:
    return without_invisible(value) if isinstance(value, str) else value


def _header_value(value: str) -> str:
    if len(value) > header_fields.LONGEST_VALUE:
        raise ValueError(f"has more than {header_fields.LONGEST_VALUE} characters")
    return one_line(value)


def _flag_or_markup(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or "<" not in value:
        raise ValueError("must be true, false or HTML")
    return _content(value)


OneMailbox = Annotated[Mailbox, BeforeValidator(_mailbox), WithJsonSchema(MAILBOX)]
Mailboxes = Annotated[
    tuple[OneMailbox, ...], BeforeValidator(_as_list), AfterValidator(_once), WithJsonSchema(MAILBOXES)
]
OptionalMailbox = Annotated[OneMailbox | None, BeforeValidator(none_if_empty), WithJsonSchema(optional(MAILBOX))]
_Line = Annotated[str, Field(max_length=LONGEST_LINE), AfterValidator(one_line)]
Line = Annotated[_Line, AfterValidator(not_blank), WithJsonSchema(LINE)]
OptionalLine = Annotated[Line | None, BeforeValidator(none_if_empty), WithJsonSchema(optional(LINE))]
OptionalName = Annotated[OptionalLine, BeforeValidator(_visible), WithJsonSchema(optional(LINE))]
_Text = Annotated[str, AfterValidator(_content), AfterValidator(not_blank)]
OptionalText = Annotated[_Text | None, BeforeValidator(none_if_empty), WithJsonSchema(optional(TEXT))]
FlagOrMarkup = Annotated[bool | str, PlainValidator(_flag_or_markup), WithJsonSchema(FLAG_OR_MARKUP)]
_HeaderName = Annotated[str, Field(pattern=header_fields.NAME)]
_HeaderValue = Annotated[str, AfterValidator(_header_value)]
_TagName = Annotated[str, Field(pattern=TAG_NAME)]
Headers = Annotated[
    dict[_HeaderName, _HeaderValue],
    BeforeValidator(_few),
    WithJsonSchema(header_fields.schema(_ENTRY, MOST_ENTRIES)),
]
Tags = Annotated[dict[_TagName, _Line], BeforeValidator(_few), WithJsonSchema(_TAGS)]
