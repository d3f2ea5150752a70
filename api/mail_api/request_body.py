"""Reads the body of a request within limits of size, time and memory, and decodes JSON; form_data.py decodes forms."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from mail_api.charsets import codec_of
from mail_api.errors import (
    InvalidRequest,
    RequestIncomplete,
    RequestTimeout,
    RequestTooLarge,
    TooManyRequests,
    UnsupportedMediaType,
)
from mail_api.form_data import parse_multipart, parse_urlencoded

JSON: Final = "application/json"
URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
FORMS: Final = frozenset({URLENCODED, MULTIPART})
_LONGEST_NAME: Final = 60

_SHARED_BYTES: Final = 16_000_000
"""Memory for bodies beyond their first bytes; the container has 256 MB, and a body is copied about five times."""
_OWN_BYTES: Final = 64_000
"""Bytes of each request that need no share of that memory: slow senders of large bodies never block a contact form."""


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
            TooManyRequests: MAX_CONCURRENT_REQUESTS are in progress.
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
        """Take this number of bytes of the shared memory.

        Raises:
            TooManyRequests: fewer are left.
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
            TooManyRequests: no memory is left for it.
        """
        more = length - _OWN_BYTES - self.shared_bytes
        if more > 0:
            self._capacity.share(more)
            self.shared_bytes += more


async def read_body(request: Request, memory: BodyMemory, limit: int, seconds: float) -> bytes:
    """Return the body of a request whose Content-Type is JSON or an HTML form.

    Args:
        request: the request; its body must not have been read.
        memory: accounts for the body.
        limit: bytes that the body may have.
        seconds: how long it may take to arrive.

    Raises:
        UnsupportedMediaType: its Content-Type is another one.
        RequestTooLarge: it has more than `limit` bytes, by Content-Length or by what arrives.
        RequestTimeout: it did not arrive in time.
        RequestIncomplete: the caller disconnected.
        TooManyRequests: no memory is left for it.
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
    """Return the decoded body, JSON or an HTML form, as fields in the order of their first appearance.

    Raises:
        InvalidRequest: it does not match its Content-Type.
    """
    content_type = headers.get("content-type", "")
    media_type, charset = media_type_of(headers), _charset_of(content_type)
    if media_type == MULTIPART:
        return parse_multipart(raw, content_type, charset)
    return parse_urlencoded(raw, charset) if media_type == URLENCODED else parse_json(raw, charset)


def _charset_of(content_type: str) -> str | None:
    found = parse_options_header(content_type)[1].get(b"charset")
    return found.decode("latin-1") if found else None


def media_type_of(headers: Headers) -> str:
    """Return the request's media type, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def wants_page(headers: Headers) -> bool:
    """Return whether the answer is shown to a person: a browser that sends a form without a script accepts HTML."""
    return media_type_of(headers) in FORMS and "text/html" in headers.get("accept", "").lower()


def wants_json(headers: Headers) -> bool:
    """Return whether the caller accepts JSON by name, as a script does that sends the data of a form."""
    return "application/json" in headers.get("accept", "").lower() and not wants_page(headers)


def parse_json(raw: bytes, charset: str | None = None) -> dict[str, Any]:
    """Return the payload of a JSON object, which is UTF-8 (RFC 8259 section 8.1).

    Args:
        raw: the body.
        charset: what Content-Type declares. It counts for a body that is not UTF-8.

    Raises:
        InvalidRequest: the body is not a JSON object.
    """
    codec = codec_of(charset) if charset else None
    try:
        found = _loads(raw, codec)
    except InvalidRequest:
        raise
    except UnicodeDecodeError:
        raise InvalidRequest((("request", "is not valid JSON: encode it as UTF-8"),)) from None
    except (ValueError, RecursionError):
        raise InvalidRequest((("request", "is not valid JSON"),)) from None
    if not isinstance(found, dict):
        raise InvalidRequest((("request", "must be a JSON object"),))
    return found


def _loads(raw: bytes, codec: str | None) -> object:
    # Not pydantic's parser: at a lone surrogate that one does not name the field.
    try:
        return json.loads(raw, object_pairs_hook=_object)
    except UnicodeDecodeError:
        if codec is None:
            raise
        return json.loads(raw.decode(codec), object_pairs_hook=_object)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object; of a name that is there twice, one value would be lost (RFC 8259 section 4)."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(((twice[:_LONGEST_NAME], "is there twice in one JSON object"),))
    return found
