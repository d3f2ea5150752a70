"""HTML forms without a script: their fields, files and the page that comes after, as JSON callers would send them."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mail_api.described import MOST_RECIPIENTS
from mail_api.errors import InvalidRequest

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
MEDIA_TYPES: Final = frozenset({URLENCODED, MULTIPART})

_MOST_FIELDS: Final = 200
_MOST_FILES: Final = 100  # more than MAX_ATTACHMENTS can say, which is told in better words
_REPEATABLE: Final = frozenset({"to", "cc", "bcc"})
_FLAGS: Final = {"true": True, "on": True, "1": True, "yes": True, "false": False, "off": False, "0": False, "": False}
_TAG: Final = "metadata."


def media_type_of(headers: Headers) -> str:
    """Return the request's media type, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def wants_page(headers: Headers) -> bool:
    """Tell whether a person looks at the answer: a browser that sends a form without a script accepts HTML."""
    return media_type_of(headers) in MEDIA_TYPES and "text/html" in headers.get("accept", "").lower()


def wants_json(headers: Headers) -> bool:
    """Tell whether the caller asked for JSON by name, as a script does that sends a form's data."""
    return "application/json" in headers.get("accept", "").lower() and not wants_page(headers)


def parse_urlencoded(raw: bytes) -> dict[str, Any]:
    """Return the payload of `subject=Hello&body=How+are+you%3F`.

    Raises:
        InvalidRequest: it is no such text, or has too many fields.
    """
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise InvalidRequest((("request", "is not a valid form"),)) from None
    return _payload(pairs)


async def parse_multipart(raw: bytes, headers: Headers) -> dict[str, Any]:
    """Return the payload of a multipart form; every file in it, under whatever name, becomes an attachment.

    Raises:
        InvalidRequest: it is none, or has too many fields.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield raw

    parser = MultiPartParser(
        headers, stream(), max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=max(len(raw), 1)
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        raise InvalidRequest((("request", "is not a valid form"),)) from None
    try:
        items = form.multi_items()
        payload = _payload((name, value) for name, value in items if isinstance(value, str))
        files = [file for _, file in items if isinstance(file, UploadFile)]
        found = [await _attachment(file) for file in files if file.filename]
    finally:
        await form.close()
    return payload | ({"attachments": found} if found else {})


def _payload(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    payload: dict[str, Any] = {name: _value(name, given) for name, given in values.items()}
    tags = {name.removeprefix(_TAG): value for name, value in payload.items() if name.startswith(_TAG)}
    return payload | ({"metadata": tags} if tags else {})


def _value(name: str, given: list[str]) -> object:
    if name in _REPEATABLE:
        return [value for value in given if value] if len(given) <= MOST_RECIPIENTS else given
    if len(given) > 1:
        return given  # which no single field accepts: it would have to lose one
    return _FLAGS.get(given[0].lower(), given[0]) if name == "html" else given[0]


async def _attachment(file: UploadFile) -> dict[str, object]:
    return {"name": file.filename, "type": file.content_type, "content": await file.read()}
