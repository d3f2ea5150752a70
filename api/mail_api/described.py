"""How each kind of field is described in OpenAPI: as exactly as JSON Schema can say what `fields` accepts."""

from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

MOST_RECIPIENTS: Final = 50
MOST_ENTRIES: Final = 20
LONGEST_MAILBOX: Final = 1_000
LONGEST_NAME: Final = 200
LONGEST_LINE: Final = 500
HEADER_NAME: Final = r"^[Xx]-[A-Za-z0-9][A-Za-z0-9-]{0,59}$"
TAG_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$"
_CONTROL: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_ONE_LINE: Final = rf"^[^{_CONTROL}]*$"

LINE: Final[Schema] = {
    "type": "string",
    "maxLength": LONGEST_LINE,
    "pattern": rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$",
}
TEXT: Final[Schema] = {"type": "string", "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}
FLAG_OR_MARKUP: Final[Schema] = {
    "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": r"^[^\u0000]*<[^\u0000]*$"}]
}
_ADDRESS: Final[Schema] = {"type": "string", "format": "email", "maxLength": LONGEST_MAILBOX}
MAILBOX: Final[Schema] = {
    "anyOf": [
        {**_ADDRESS, "description": "An address; also as `Anna <anna@example.org>`."},
        {
            "type": "object",
            "properties": {
                "email": _ADDRESS,
                "name": {"type": "string", "maxLength": LONGEST_NAME, "pattern": _ONE_LINE},
            },
            "required": ["email"],
            "additionalProperties": False,
        },
    ]
}

FILE_NAME: Final[Schema] = {
    "type": "string",
    "maxLength": LONGEST_NAME,
    "pattern": rf"^[^{_CONTROL}]*[^\s/\\{_CONTROL}][^/\\{_CONTROL}]*$",
}
_WORD: Final = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,99}"
MEDIA_TYPE: Final[Schema] = {"type": "string", "pattern": f"^{_WORD}/{_WORD}$"}
BASE64: Final[Schema] = {
    "type": "string",
    "contentEncoding": "base64",
    "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}


def or_empty(schema: Schema, *, null: bool = False) -> Schema:
    """Return the schema of a field that may also be empty, as forms send what nobody filled, or null."""
    return {"anyOf": [*schema.get("anyOf", [schema]), {"enum": ["", None] if null else [""]}]}


def optional(schema: Schema) -> Schema:
    """Return the schema of a field of JSON that may be absent, null or empty."""
    return or_empty(schema, null=True)


def entries(name: str) -> Schema:
    """Return the schema of an object of lines under names of this pattern."""
    value = {"type": "string", "maxLength": LONGEST_LINE, "pattern": _ONE_LINE}
    return {
        "type": "object",
        "propertyNames": {"pattern": name},
        "additionalProperties": value,
        "maxProperties": MOST_ENTRIES,
    }


MAILBOXES: Final[Schema] = {
    "anyOf": [*optional(MAILBOX)["anyOf"], {"type": "array", "items": MAILBOX, "maxItems": MOST_RECIPIENTS}]
}
