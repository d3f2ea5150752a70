"""Decodes HTML forms, application/x-www-form-urlencoded and multipart/form-data, into the fields of a request."""

import mimetypes
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from mail_api.charsets import UTF_8, codec_of, decode, required_codec
from mail_api.errors import InvalidRequest
from mail_api.fields import MOST_RECIPIENTS
from mail_api.multipart import CHARSET_FIELD, Part, invalid, parse_parts

_MOST_FIELDS: Final = 200
_MOST_FILES: Final = 100  # above the largest MAX_ATTACHMENTS, whose error is clearer
_REPEATABLE: Final = frozenset({"to", "cc", "bcc"})
_FLAGS: Final = {"true": True, "on": True, "1": True, "yes": True, "false": False, "off": False, "0": False, "": False}
_TAG: Final = "metadata."
_FILES: Final = "attachments"
# Written by JavaScript's escape(). A form that a browser encodes never has it, because the % is encoded as %25.
_ESCAPED: Final = re.compile(r"%u[0-9A-Fa-f]{4}")


def parse_urlencoded(raw: bytes, charset: str | None = None) -> dict[str, Any]:
    """Return the payload of `subject=Hello&body=How+are+you%3F`, its fields in the order of the form.

    A `%` that is not the start of an escape stays, and `;` is part of a value (URL Standard, section 5.1).

    Args:
        raw: the body.
        charset: the charset that Content-Type declares; a field `_charset_` overrides it. Without both: UTF-8.

    Raises:
        InvalidRequest: a field is not text in the charset, or there are too many fields.
    """
    text = raw.decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, encoding="latin-1")
    except ValueError:
        raise invalid(f"it has more than {_MOST_FIELDS} fields") from None
    codec = codec_of(dict(pairs).get(CHARSET_FIELD, "")) or required_codec(charset or UTF_8)
    fields: list[tuple[str, str]] = []
    for name, value in pairs:
        shown = decode(name.encode("latin-1"), codec, "request")
        if _ESCAPED.search(value):
            problem = "is encoded by escape(); use encodeURIComponent() or URLSearchParams"
            raise InvalidRequest(((shown, problem),))
        fields.append((shown, decode(value.encode("latin-1"), codec, shown)))
    return _payload(fields)


def parse_multipart(raw: bytes, content_type: str, charset: str | None = None) -> dict[str, Any]:
    """Return the payload of a multipart form, its fields in the order of the form.

    Every file, under any name, becomes an attachment. A file field that was left empty is skipped.

    Args:
        raw: the body.
        content_type: the request's header, with the boundary.
        charset: the charset that this header declares. A part's own charset and a field `_charset_` override it.

    Raises:
        InvalidRequest: the body is not a whole form, a field is not text in its charset, or there are too many parts.
    """
    parts = parse_parts(raw, content_type, required_codec(charset or UTF_8))
    texts = [part for part in parts if part.file_name is None]
    files = [part for part in parts if part.file_name or (part.file_name is not None and part.content)]
    if len(texts) > _MOST_FIELDS or len(files) > _MOST_FILES:
        raise invalid(f"it has more than {_MOST_FIELDS} fields or {_MOST_FILES} files")
    payload = _payload((part.name, decode(part.content, part.codec, part.name)) for part in texts)
    if files and not payload.get(_FILES):
        payload[_FILES] = [_attachment(part) for part in files]
    elif files:
        raise InvalidRequest(((_FILES, "is a text field and the list of files; give the field another name"),))
    return payload


def _attachment(part: Part) -> dict[str, object]:
    kind = part.content_type
    guessed = mimetypes.guess_extension(kind.partition(";")[0].strip().lower()) or ""
    return {
        "name": part.file_name or f"{part.name}{guessed}",
        "type": kind,
        "content": part.content,
        "content_id": part.content_id,
    }


def _payload(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    values.pop(CHARSET_FIELD, None)
    payload: dict[str, Any] = {name: _value(name, given) for name, given in values.items()}
    tags = {name.removeprefix(_TAG): value for name, value in payload.items() if name.startswith(_TAG)}
    if tags and not payload.get("metadata"):
        payload["metadata"] = tags
    return payload


def _value(name: str, given: list[str]) -> object:
    if name in _REPEATABLE:
        return [value for value in given if value] if len(given) <= MOST_RECIPIENTS else given
    if len(given) > 1:
        return given  # a field with one value refuses the list, so that no value is lost
    return _FLAGS.get(given[0].lower(), given[0]) if name == "html" else given[0]
