"""Parses multipart/form-data (RFC 7578) by python-multipart: every part, or an error; never some of the parts.

--boundary
Content-Disposition: form-data; name="file"; filename="photo.jpg"
Content-Type: image/jpeg

...
--boundary--

Starlette's parser, which FastAPI uses, drops a last part without its boundary, and treats a part with only
`filename*=` as a text field.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from mail_api.charsets import UTF_8, codec_of, decode, required_codec
from mail_api.encoded_words import decode_words
from mail_api.errors import InvalidRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_PARTS: Final = 300
_LONGEST_HEADER: Final = 16_000
CHARSET_FIELD: Final = "_charset_"
"""A hidden field with this name gets the form's charset from the browser (HTML Standard, "Naming form controls")."""
_LONGEST_CHARSET: Final = 40
_BOUNDARY: Final = re.compile(r";\s*boundary\s*=", re.IGNORECASE)
# A browser writes these three so within a quoted name (HTML Standard, "multipart/form-data encoding algorithm").
_ESCAPES: Final = {"%22": '"', "%0D": " ", "%0A": " "}
_ESCAPE: Final = re.compile("|".join(_ESCAPES))


@dataclass(frozen=True, slots=True)
class Part:
    """A field or a file of a form."""

    name: str
    file_name: str | None
    """None for a field; empty where the form names no file."""
    content_type: str
    """The whole header, or an empty string."""
    content_id: str
    content: bytes
    codec: str
    """Python's codec of its text."""


@dataclass(slots=True)
class _RawPart:
    headers: dict[str, bytes] = field(default_factory=dict)
    content: bytearray = field(default_factory=bytearray)


def invalid(why: str, name: str = "request") -> InvalidRequest:
    """Return the error for a body that is not a valid form."""
    return InvalidRequest(((name, f"is not a valid form: {why}"),))


def parse_parts(raw: bytes, content_type: str, codec: str = UTF_8) -> list[Part]:
    """Return the parts of a form, in their order; a nested multipart/mixed is replaced by its parts.

    Args:
        raw: the body.
        content_type: the request's header, with the boundary.
        codec: of text, unless the form has a field `_charset_` (RFC 7578 section 4.6) or a part its own charset.

    Raises:
        InvalidRequest: the body is not a form, is cut off, has too many parts, or has a part that cannot be read.
    """
    found = _split(raw, content_type)
    codec = next(filter(None, map(_codec_for_all, found)), codec)
    return [part for number, one in enumerate(found, 1) for part in _read(one, number, codec)]


class _Collector:
    """Collects what python-multipart calls back with."""

    def __init__(self) -> None:
        self.parts: list[_RawPart] = []
        self.is_complete = False
        self._header_name = b""

    def begin(self) -> None:
        if len(self.parts) == MOST_PARTS:
            raise invalid(f"it has more than {MOST_PARTS} parts")
        self.parts.append(_RawPart())

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name = data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].headers[self._header_name.decode("latin-1").lower()] = data[start:end]

    def content(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].content += data[start:end]

    def end(self) -> None:
        self.is_complete = True


def _split(raw: bytes, content_type: str) -> list[_RawPart]:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary or len(_BOUNDARY.findall(content_type)) > 1:
        raise invalid("its Content-Type must name one boundary; let the browser or library set this header")
    found = _Collector()
    callbacks: MultipartCallbacks = {
        "on_part_begin": found.begin,
        "on_header_field": found.header_name,
        "on_header_value": found.header_value,
        "on_part_data": found.content,
        "on_end": found.end,
    }
    try:
        # The whole body at once, so that each header comes in one piece.
        MultipartParser(boundary, callbacks, max_header_size=_LONGEST_HEADER).write(raw)
    except FormParserError:
        raise invalid("a boundary or the headers of a part are wrong") from None
    if not found.is_complete:
        raise invalid("its closing boundary is missing, so the body was cut off; send it again, whole")
    if (b"\r\n" + raw).partition(b"\r\n--" + boundary + b"--")[2].strip():
        raise invalid("there is data behind its closing boundary")
    return found.parts


def _codec_for_all(part: _RawPart) -> str | None:
    """Return the codec of the whole form, where this part is the field `_charset_`, in which a browser writes it."""
    if (
        len(part.content) > _LONGEST_CHARSET
        or _parameters(_header(part, "content-disposition")).get("name") != CHARSET_FIELD
    ):
        return None
    return codec_of(part.content.decode("latin-1"))


def _header(part: _RawPart, name: str) -> str:
    return part.headers.get(name, b"").decode("latin-1").strip()


def _read(raw: _RawPart, number: int, codec: str, outer: Part | None = None) -> Iterator[Part]:
    place = f"part {number}"
    parameters = _parameters(decode(raw.headers.get("content-disposition", b""), codec, place))
    name, file_name = parameters.get("name", outer.name if outer else None), parameters.get("filename")
    if name is None and not file_name:
        raise invalid(f'{place} has no name; add name="..." to its Content-Disposition')
    name = name or ""
    content_type = _header(raw, "content-type")
    charset = parse_options_header(content_type)[1].get(b"charset", b"").decode("latin-1")
    part = Part(
        name=name,
        file_name=file_name,
        content_type=content_type,
        content_id=_header(raw, "content-id"),
        content=_decoded(bytes(raw.content), _header(raw, "content-transfer-encoding"), name or place),
        codec=required_codec(charset, name) if charset and file_name is None else codec,
    )
    if file_name is not None or not part.content_type.lower().startswith("multipart/"):
        yield part
    elif outer is None:  # the old way to send several files in one field (RFC 2388 section 4.2)
        for inner in _split(part.content, part.content_type):
            yield from _read(inner, number, codec, outer=part)
    else:
        raise InvalidRequest(((name, "is nested more than once; send each file as a part of the form"),))


def _parameters(disposition: str) -> dict[str, str]:
    """Return the parameters of Content-Disposition; `filename*=` goes before `filename=` (RFC 6266 section 4.3).

    form-data; name="file"; filename="=?utf-8?B?Z3LDvMOfZS50eHQ=?="; filename*=utf-8''gr%C3%BC%C3%9Fe.txt
    """
    message = Message()
    message["Content-Disposition"] = disposition
    plain: dict[str, str] = {}
    extended: dict[str, str] = {}
    for name, value in message.get_params([], "Content-Disposition") or []:
        if isinstance(value, tuple):
            extended.setdefault(name.lower(), _extended(*value))
        else:
            plain.setdefault(name.lower(), decode_words(_ESCAPE.sub(lambda found: _ESCAPES[found[0]], value)))
    return plain | extended


def _extended(charset: str | None, _language: str | None, value: str) -> str:
    """Return the text of an extended parameter (RFC 2231), whose bytes the email package gives as Latin-1."""
    codec = codec_of(charset or UTF_8) or UTF_8
    try:
        return value.encode("latin-1").decode(codec)
    except ValueError:
        return value


def _decoded(content: bytes, encoding: str, name: str) -> bytes:
    """Return the content without its transfer encoding, which RFC 7578 deprecates and some libraries write."""
    match encoding.lower():
        case "" | "7bit" | "8bit" | "binary":
            return content
        case "quoted-printable":
            return quopri.decodestring(content)
        case "base64":
            try:
                return base64.b64decode(b"".join(content.split()), validate=True)
            except binascii.Error:
                raise InvalidRequest(((name, "is not base64, which its Content-Transfer-Encoding names"),)) from None
        case _:
            problem = "has an unknown Content-Transfer-Encoding; leave this header out"
            raise InvalidRequest(((name, problem),))
