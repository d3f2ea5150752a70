"""Attachments of a request: file name, media type, content in base64 or as a `data:` URL, inline images."""

import base64
import binascii
import mimetypes
import re
from collections.abc import Mapping
from email.message import Message
from pathlib import PurePosixPath
from typing import Annotated, Any, Final
from urllib.parse import unquote_to_bytes

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from mail_api.encoded_words import decode_words
from mail_api.fields import CONTROL, LONGEST_NAME, Schema, none_if_empty, not_blank, one_line, optional
from mail_api.invisible import without_invisible

_LONGEST_GIVEN_NAME: Final = 4_000
_LONGEST_SUFFIX: Final = 20
_LONGEST_TYPE: Final = 500
_ANY_FILE: Final = "application/octet-stream"
# An attached mail must not be encoded in base64 (RFC 2046 section 5), and could have headers that look like ours.
_COMPOSITE: Final = ("message/", "multipart/")
# Left out: the file name is in Content-Disposition already, and `boundary` would contradict the encoding.
_OWN_PARAMETERS: Final = frozenset({"name", "boundary"})

_FILE_NAME: Final[Schema] = {
    "type": "string",
    "maxLength": _LONGEST_GIVEN_NAME,
    "pattern": rf"^[^{CONTROL}]*[A-Za-z0-9][^/\\{CONTROL}]*$",
    "description": f"Folders in front of it and invisible characters are removed. Cut to {LONGEST_NAME} characters.",
}
_WORD: Final = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,99}"
_TYPE: Final[Schema] = {"type": "string", "pattern": rf"^{_WORD}/{_WORD}(; ?[a-z]{{1,20}}=[A-Za-z0-9_-]{{1,40}})?$"}
_CONTENT: Final[Schema] = {
    "type": "string",
    "contentEncoding": "base64",
    "pattern": "^([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2}(==)?|[A-Za-z0-9+/_-]{3}=?)?$",
}
_CONTENT_ID: Final[Schema] = {"type": "string", "pattern": r"^[A-Za-z0-9_-][A-Za-z0-9._@-]{0,199}$"}

_MEDIA_TYPE: Final = re.compile(rf"{_WORD}/{_WORD}", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,200}")
_QUOTABLE: Final = re.compile(r"[ -~]{0,200}")
_ID: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._@%+=$~-]{0,199}")
# data:image/png;base64,iVBORw0KGgo=      data:text/plain;charset=utf-8,Gr%C3%BC%C3%9Fe      (RFC 2397)
_DATA_URL: Final = re.compile(r"\s*data:(?P<type>[^,]{0,300}?)(?P<base64>;\s*base64)?\s*,", re.IGNORECASE)
_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")
_NOT_BASE64: Final = "is not base64"


def _decoded(value: object) -> bytes:
    """Return the bytes of base64, also in base64url, without padding, or in lines; a form's file is bytes already."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic's contract
    text = "".join(value.split()).translate(_STANDARD_ALPHABET)
    digits = text[:-2] + text[-2:].rstrip("=")
    if "=" in digits:
        raise ValueError(_NOT_BASE64)
    if len(digits) % 4 == 1:
        raise ValueError(f"{_NOT_BASE64}: its length shows that characters are missing")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_NOT_BASE64) from None


def _file_name(value: str) -> str:
    """Return the last part of a path, readable and short enough for every mail program."""
    name = re.split(r"[/\\]", without_invisible(decode_words(value)))[-1].strip()
    if len(name) <= LONGEST_NAME:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix) <= _LONGEST_SUFFIX else ""
    return name[: LONGEST_NAME - len(suffix)].rstrip() + suffix


def _content_type(value: str | None) -> str | None:
    """Return a media type with its parameters, as in `text/calendar; method=REQUEST`.

    Raises:
        ValueError: it is not a media type.
    """
    if value is None:
        return None
    if len(value) > _LONGEST_TYPE or not value.isascii() or not value.isprintable():
        raise ValueError("is not a media type such as image/png")
    message = Message()
    message["Content-Type"] = value
    parameters: list[tuple[str, object]] = [*(message.get_params() or [])]
    kind = parameters.pop(0)[0] if parameters else ""
    if not _MEDIA_TYPE.fullmatch(kind.strip()):
        raise ValueError("is not a media type such as image/png")
    kept = {
        name.lower(): text
        for name, text in parameters
        if isinstance(text, str) and text and _TOKEN.fullmatch(name) and name.lower() not in _OWN_PARAMETERS
    }
    return "; ".join((kind.strip().lower(), *(f"{name}={_parameter(text)}" for name, text in kept.items())))


def _parameter(text: str) -> str:
    if _TOKEN.fullmatch(text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _content_id(value: str | None) -> str | None:
    """Return the id of an inline image, without `cid:` and angle brackets.

    Raises:
        ValueError: it cannot be the ID of a `cid:ID` URL.
    """
    if value is None:
        return None
    found = value.strip().removeprefix("cid:").removeprefix("<").removesuffix(">")
    if not _ID.fullmatch(found):
        raise ValueError("must be letters, digits, and . _ @ - such as logo@example.org")
    return found


FileName = Annotated[
    str,
    Field(max_length=_LONGEST_GIVEN_NAME),
    AfterValidator(one_line),
    AfterValidator(_file_name),
    AfterValidator(not_blank),
    WithJsonSchema(_FILE_NAME),
]
FileType = Annotated[
    str | None,
    BeforeValidator(none_if_empty),
    AfterValidator(_content_type),
    WithJsonSchema(optional(_TYPE)),
]
FileContent = Annotated[bytes, BeforeValidator(_decoded), WithJsonSchema(_CONTENT)]
ContentId = Annotated[
    str | None,
    BeforeValidator(none_if_empty),
    AfterValidator(_content_id),
    WithJsonSchema(optional(_CONTENT_ID)),
]


class Attachment(BaseModel):
    """A file that is attached to the mail, or an image in its HTML."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    name: FileName = Field(description="The file's name; folders in front of it are removed.", examples=["photo.jpg"])
    type: FileType = Field(
        default=None,
        description="Its media type, with parameters; guessed from the name when absent.",
        examples=["image/jpeg"],
    )
    content: FileContent = Field(
        description="Its bytes in base64 or base64url, with or without padding, or as a `data:` URL."
    )
    content_id: ContentId = Field(
        default=None,
        description='For an image within the HTML: `logo` for `<img src="cid:logo">`.',
        examples=["logo"],
    )

    @model_validator(mode="before")
    @classmethod
    def _read_data_url(cls, value: Any) -> Any:  # noqa: ANN401 - anything that JSON can hold
        """Return the entries with the type and bytes of a `data:` URL; a type in the request takes precedence."""
        content = value.get("content") if isinstance(value, Mapping) else None
        if not isinstance(content, str) or not (found := _DATA_URL.match(content)):
            return value
        data = content[found.end() :]
        return value | {
            "type": value.get("type") or found["type"],
            "content": data if found["base64"] else unquote_to_bytes(data),
        }

    @property
    def content_type(self) -> str:
        """The given type with its parameters, or else the type guessed from the name.

        An attached mail has the type application/octet-stream. Text in UTF-8 gets a charset: otherwise mail programs
        guess it.
        """
        found = self.type or mimetypes.guess_type(self.name)[0] or _ANY_FILE
        if found.startswith(_COMPOSITE):
            return _ANY_FILE
        is_marked = not found.startswith("text/") or "; charset=" in found
        return found if is_marked or not _is_utf8(self.content) else f'{found}; charset="utf-8"'


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
