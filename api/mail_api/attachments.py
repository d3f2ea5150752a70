"""Files that travel with a mail: decoded, named and typed, their number and size within what the operator allows."""

import base64
import binascii
import mimetypes
import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mail_api import described
from mail_api.fields import none_if_empty, not_blank, one_line

_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}")
_ANY_FILE: Final = "application/octet-stream"
# Mails in mails may not be encoded in base64 (RFC 2046 section 5), and could hold headers that look like ours.
_COMPOSITE: Final = ("message/", "multipart/")


def _decoded(value: object) -> bytes:
    """Return the bytes of a base64 text, which may be broken into lines; a form's file is bytes already."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic's contract
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None


def _base_name(value: str) -> str:
    return re.split(r"[/\\]", value)[-1].strip()


def _media_type(value: str | None) -> str | None:
    if value is None:
        return None
    kind = value.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(kind):
        raise ValueError("is not a media type such as image/png")
    return kind


_Name = Annotated[
    str,
    Field(max_length=described.LONGEST_NAME),
    AfterValidator(one_line),
    AfterValidator(_base_name),
    AfterValidator(not_blank),
    WithJsonSchema(described.FILE_NAME),
]
_Type = Annotated[
    str | None,
    BeforeValidator(none_if_empty),
    AfterValidator(_media_type),
    WithJsonSchema(described.optional(described.MEDIA_TYPE)),
]
_Content = Annotated[bytes, BeforeValidator(_decoded), WithJsonSchema(described.BASE64)]


class Attachment(BaseModel):
    """A file that travels with the mail."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    name: _Name = Field(description="The file's name; folders before it are dropped.", examples=["photo.jpg"])
    type: _Type = Field(
        default=None, description="Its media type; guessed from the name when absent.", examples=["image/jpeg"]
    )
    content: _Content = Field(description="Its bytes in base64.")

    @property
    def media_type(self) -> str:
        """The type given, or the one that the name suggests; mails become plain files."""
        kind = self.type or mimetypes.guess_type(self.name)[0] or _ANY_FILE
        return _ANY_FILE if kind.startswith(_COMPOSITE) else kind
