"""Reads the body of /send within limits of size, time and memory, and decodes JSON and HTML forms."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from mail_api.errors import (
    InvalidRequest,
    RequestIncomplete,
    RequestTimeout,
    RequestTooLarge,
    TooManyRequests,
    UnsupportedMediaType,
)
from mail_api.fields import MOST_RECIPIENTS

JSON: Final = "application/json"
URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
FORMS: Final = frozenset({URLENCODED, MULTIPART})

_SHARED_BYTES: Final = 16_000_000
"""Memory for bodies beyond their first bytes; the container has 256 MB, and a body is copied about five times."""
_OWN_BYTES: Final = 64_000
"""Bytes that each request may hold without a share of that: slow senders of large bodies never block a contact form."""

_MOST_FIELDS: Final = 200
_MOST_FILES: Final = 100  # above the largest MAX_ATTACHMENTS, whose error is clearer
_REPEATABLE: Final = frozenset({"to", "cc", "bcc"})
_FLAGS: Final = {"true": True, "on": True, "1": True, "yes": True, "false": False, "off": False, "0": False, "": False}
_TAG: Final = "metadata."


class RequestCapacity:
    """Limits requests in progress, and the memory that their bodies take as they arrive.

    Args:
        most_requests: MAX_CONCURRENT_REQUESTS.
        longest_body: MAX_REQUEST_BYTES.
    """

    def __init__(self, most_requests: int, longest_body: int) -> None:
        self._most_requests = most_requests
        self._shared_bytes = max(_SHARED_BYTES, longest_body)
        self._requests = 0
        self._bytes = 0

    @contextmanager
    def request(self) -> Iterator["BodyMemory"]:
        """Count a request until the block ends.

        Raises:
            TooManyRequests: as many as allowed are in progress.
        """
        if self._requests >= self._most_requests:
            raise TooManyRequests
        self._requests += 1
        memory = BodyMemory(self)
        try:
            yield memory
        finally:
            self._requests -= 1
            self._bytes -= memory.shared_bytes

    def share(self, number: int) -> None:
        """Take so many bytes of the shared memory.

        Raises:
            TooManyRequests: there are not so many left.
        """
        if self._bytes + number > self._shared_bytes:
            raise TooManyRequests
        self._bytes += number


class BodyMemory:
    """The memory that one request's body takes."""

    def __init__(self, capacity: RequestCapacity) -> None:
        self._capacity = capacity
        self.shared_bytes = 0

    def grow(self, length: int) -> None:
        """Account for a body of this length so far.

        Raises:
            TooManyRequests: there is no memory left for it.
        """
        more = length - _OWN_BYTES - self.shared_bytes
        if more > 0:
            self._capacity.share(more)
            self.shared_bytes += more


async def read_body(request: Request, memory: BodyMemory, limit: int, seconds: float) -> bytes:
    """Return the body of a request whose Content-Type is JSON or an HTML form.

    Args:
        request: the request, whose body was not read yet.
        memory: accounts for the body.
        limit: bytes that the body may have.
        seconds: how long it may take to arrive.

    Raises:
        UnsupportedMediaType: its Content-Type is none of these.
        RequestTooLarge: it has more than `limit` bytes, by Content-Length or by what arrives.
        RequestTimeout: it did not arrive in time.
        RequestIncomplete: the caller disconnected.
        TooManyRequests: there is no memory left for it.
    """
    media_type = media_type_of(request.headers)
    if media_type != JSON and media_type not in FORMS:
        raise UnsupportedMediaType
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise RequestTooLarge(limit)
    received = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                if len(received) + len(chunk) > limit:
                    raise RequestTooLarge(limit)
                memory.grow(len(received) + len(chunk))
                received += chunk
    except ClientDisconnect:
        raise RequestIncomplete from None
    except TimeoutError:
        raise RequestTimeout(seconds) from None
    return bytes(received)


async def parse_body(raw: bytes, headers: Headers) -> dict[str, Any]:
    """Return the decoded body: JSON, or an HTML form.

    Raises:
        InvalidRequest: it does not match its Content-Type.
    """
    media_type = media_type_of(headers)
    if media_type == MULTIPART:
        return await parse_multipart(raw, headers)
    return parse_urlencoded(raw) if media_type == URLENCODED else parse_json(raw)


def media_type_of(headers: Headers) -> str:
    """Return the request's media type, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def wants_page(headers: Headers) -> bool:
    """Return whether the answer is shown to a person: a browser that sends a form without a script accepts HTML."""
    return media_type_of(headers) in FORMS and "text/html" in headers.get("accept", "").lower()


def wants_json(headers: Headers) -> bool:
    """Return whether the caller accepts JSON by name, as a script does that sends the data of a form."""
    return "application/json" in headers.get("accept", "").lower() and not wants_page(headers)


def parse_json(raw: bytes) -> dict[str, Any]:
    """Return the payload of a JSON object.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        # Not pydantic's parser: at a lone surrogate that one does not name the field.
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidRequest((("request", "is not valid JSON"),)) from None
    if not isinstance(found, dict):
        raise InvalidRequest((("request", "must be a JSON object"),))
    return found


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
    """Return the payload of a multipart form; every file in it, under any name, becomes an attachment.

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
