"""The kinds of field that a request is made of: text of one line, mailboxes, headers, tags."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from mail_api import described
from mail_api.addresses import Mailbox, parse_mailbox

# Control characters, lone surrogates, and the two separators that Python and some mail programs treat as line ends.
_NEVER_IN_A_HEADER: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
PATTERNS: Final = {
    described.HEADER_NAME: "must be X- and letters, digits or -",
    described.TAG_NAME: "must be letters, digits, _, . or -",
}
"""What each pattern means, for those who broke it."""


def one_line(value: str) -> str:
    """Return the text if it can stand in a header.

    Raises:
        ValueError: it holds a line break or another control character.
    """
    if value.isascii() and value.isprintable():
        return value
    if any(unicodedata.category(character) in _NEVER_IN_A_HEADER for character in value):
        raise ValueError("must be one line without control characters")
    return value


def not_blank(value: str) -> str:
    """Return the text if it holds more than white space.

    Raises:
        ValueError: it does not.
    """
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _content(value: str) -> str:
    """Return the text if it can be the content of a mail: what UTF-8 can say, without NUL."""
    if "\0" in value:
        raise ValueError("must not hold NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds text that is not valid Unicode") from None
    return value


def none_if_empty(value: object) -> object:
    """Return None for the empty string, which is what an HTML form sends for a field that nobody filled."""
    return None if value == "" else value


def _mailbox(value: object) -> Mailbox:
    """Return the mailbox of `a@x.org`, `Anna <a@x.org>` or `{"email": "a@x.org", "name": "Anna"}`."""
    if isinstance(value, Mailbox):
        return value
    if isinstance(value, Mapping) and value.keys() <= {"email", "name"}:
        email, name = value.get("email"), value.get("name", "")
        if isinstance(email, str) and isinstance(name, str):
            found = _parsed(email)
            return Mailbox(found.address, _name(name) or found.name)
    if not isinstance(value, str):
        raise ValueError("must be a string, or an object of email and name")  # noqa: TRY004 - pydantic's contract
    found = _parsed(value)
    return Mailbox(found.address, _name(found.name))


def _parsed(text: str) -> Mailbox:
    # Cut, but to a length that is refused: to look at each of a million characters takes a second.
    return parse_mailbox(not_blank(one_line(text[: described.LONGEST_MAILBOX + 1])))


def _name(text: str) -> str:
    if len(text) > described.LONGEST_NAME:
        raise ValueError(f"has a name of more than {described.LONGEST_NAME} characters")
    return one_line(text).strip()


def _as_list(value: object) -> object:
    if value is None or value == "":
        return ()
    if not isinstance(value, (list, tuple)):
        return (value,)
    if len(value) > described.MOST_RECIPIENTS:  # before each is looked at, and has a problem of its own
        raise ValueError(f"holds more than {described.MOST_RECIPIENTS} recipients")
    return value


def _few(value: object) -> object:
    if isinstance(value, Mapping) and len(value) > described.MOST_ENTRIES:
        raise ValueError(f"holds more than {described.MOST_ENTRIES} entries")
    return value


def _flag_or_markup(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or "<" not in value:
        raise ValueError("must be true, false or HTML")
    return _content(value)


OneMailbox = Annotated[Mailbox, BeforeValidator(_mailbox), WithJsonSchema(described.MAILBOX)]
Mailboxes = Annotated[tuple[OneMailbox, ...], BeforeValidator(_as_list), WithJsonSchema(described.MAILBOXES)]
OptionalMailbox = Annotated[
    OneMailbox | None, BeforeValidator(none_if_empty), WithJsonSchema(described.optional(described.MAILBOX))
]
_Line = Annotated[str, Field(max_length=described.LONGEST_LINE), AfterValidator(one_line)]
Line = Annotated[_Line, AfterValidator(not_blank), WithJsonSchema(described.LINE)]
OptionalLine = Annotated[
    Line | None, BeforeValidator(none_if_empty), WithJsonSchema(described.optional(described.LINE))
]
_Text = Annotated[str, AfterValidator(_content), AfterValidator(not_blank)]
OptionalText = Annotated[
    _Text | None, BeforeValidator(none_if_empty), WithJsonSchema(described.optional(described.TEXT))
]
FlagOrMarkup = Annotated[bool | str, PlainValidator(_flag_or_markup), WithJsonSchema(described.FLAG_OR_MARKUP)]
_HeaderName = Annotated[str, Field(pattern=described.HEADER_NAME)]
_TagName = Annotated[str, Field(pattern=described.TAG_NAME)]
Headers = Annotated[
    dict[_HeaderName, _Line], BeforeValidator(_few), WithJsonSchema(described.entries(described.HEADER_NAME))
]
Tags = Annotated[dict[_TagName, _Line], BeforeValidator(_few), WithJsonSchema(described.entries(described.TAG_NAME))]
