"""Extra form fields such as phone or company: their limits, and their text and HTML in a mail.

Text, appended below the body:         HTML, appended at the end of the body:

    phone: +49 170 0000000                 <table><tr><th>phone</th><td>+49 170 0000000</td></tr> ...
    address:
        1 Main Street
        phone: not a field
"""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

from mail_api.errors import InvalidRequest, Problem
from mail_api.fields import LINE, Schema, none_if_empty, one_line

ExtraField: TypeAlias = tuple[str, str]
"""The name of a field, or its label, and its value."""

MOST_FIELDS: Final = 100
LONGEST_FIELD_NAME: Final = 100
LONGEST_VALUE: Final = 20_000
"""Characters of one value."""
_MOST_PROBLEMS: Final = 20
_NAME_IN_ERRORS: Final = 60
_INDENT: Final = "    "
_KINDS: Final = "must be a string, a number, true, false, or a list of these"
_END_OF_BODY: Final = re.compile(r"</body\s*>", re.IGNORECASE)
_TABLE: Final = '<table cellpadding="4" style="margin-top: 1em; border-collapse: collapse">'
_NAME_CELL: Final = '<th align="left" valign="top">'
_VALUE_CELL: Final = '<td valign="top" style="white-space: pre-wrap">'

NO_NUL: Final = r"^[^\u0000]*$"
"""Pattern of a value in JSON Schema."""
_SCALARS: Final[list[Schema]] = [
    {"type": "string", "maxLength": LONGEST_VALUE, "pattern": NO_NUL},
    {"type": ["number", "boolean", "null"]},
]
FIELDS: Final[Schema] = {
    "type": "object",
    "propertyNames": LINE | {"maxLength": LONGEST_FIELD_NAME},
    "additionalProperties": {"anyOf": [*_SCALARS, {"type": "array", "items": {"anyOf": _SCALARS}, "maxItems": 20}]},
    "maxProperties": MOST_FIELDS,
}
"""JSON Schema of `fields`. A list has up to 20 values here; the text of all of them counts as one value."""


def parse_extra_fields(given: Iterable[tuple[str, object]]) -> tuple[ExtraField, ...]:
    """Return the fields with their values as text, in the same order; null is left out.

    Raises:
        InvalidRequest: names each field whose name or value cannot be used, or there are too many fields.
    """
    pairs = [(name, value) for name, value in given if value is not None]
    if len(pairs) > MOST_FIELDS:
        raise InvalidRequest((("fields", f"are more than {MOST_FIELDS}"),))
    found: list[ExtraField] = []
    problems: list[Problem] = []
    for name, value in pairs:
        try:
            found.append((_name(name), _text(value)))
        except ValueError as error:
            problems.append((name[:_NAME_IN_ERRORS] or "fields", str(error)))
    if problems:
        raise InvalidRequest(tuple(problems[:_MOST_PROBLEMS]))
    return tuple(found)


def _name(name: str) -> str:
    if len(name) > LONGEST_FIELD_NAME:
        raise ValueError(f"has a name of more than {LONGEST_FIELD_NAME} characters")
    if not name.strip():
        raise ValueError("a field has an empty name")
    try:
        return one_line(name.strip())
    except ValueError:
        raise ValueError("has a name with a line break or another control character") from None


def _text(value: object) -> str:
    values = value if isinstance(value, list) else [value]
    text = ", ".join(_scalar(one) for one in values if one is not None)
    if len(text) > LONGEST_VALUE:
        raise ValueError(f"is longer than {LONGEST_VALUE} characters")
    if "\0" in text:
        raise ValueError("must not hold NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds text that is not valid Unicode") from None
    return text.strip()


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise ValueError(_KINDS)


def _validated(value: object) -> tuple[ExtraField, ...]:
    value = none_if_empty(value)
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return parse_extra_fields(value.items())
    if isinstance(value, tuple):  # a form's fields, parsed already
        return value
    raise ValueError("must be an object")


ExtraFields = Annotated[
    tuple[ExtraField, ...], BeforeValidator(_validated), WithJsonSchema({"anyOf": [FIELDS, {"enum": ["", None]}]})
]


def as_text(fields: Iterable[ExtraField]) -> str:
    """Return a line `Name: value` for each field; values of several lines are indented below their name.

    So no line of a value can look like another field.
    """
    return "\n".join(_lines(name, value) for name, value in fields)


def _lines(name: str, value: str) -> str:
    lines = value.splitlines()
    if len(lines) > 1:
        return "\n".join((f"{name}:", *(f"{_INDENT}{line}" for line in lines)))
    return f"{name}: {value}" if value else f"{name}:"


def as_table(fields: Iterable[ExtraField]) -> str:
    """Return an HTML table of the fields, with names and values escaped."""
    rows = (f"<tr>{_NAME_CELL}{escape(name)}</th>{_VALUE_CELL}{escape(value)}</td></tr>" for name, value in fields)
    return "\n".join((_TABLE, *rows, "</table>"))


def with_fields(text: str, markup: str | None, fields: tuple[ExtraField, ...]) -> tuple[str, str | None]:
    """Return the plain text and the HTML of a mail with the fields appended to both."""
    if not fields:
        return text, markup
    longer = f"{text.rstrip()}\n\n{as_text(fields)}\n" if text.strip() else f"{as_text(fields)}\n"
    return longer, None if markup is None else _insert(markup, as_table(fields))


def _insert(markup: str, table: str) -> str:
    """Return the markup with the table before its last `</body>`, or at its end."""
    ends = [found.start() for found in _END_OF_BODY.finditer(markup)]
    place = ends[-1] if ends else len(markup)
    return f"{markup[:place]}\n{table}\n{markup[place:]}"
