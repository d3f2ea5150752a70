"""Reads a request's body, never more of it than is allowed."""

import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from mail_api.errors import InvalidRequest, RequestIncomplete, RequestTooLarge, UnsupportedMediaType


async def read_json(request: Request, limit: int) -> Any:  # noqa: ANN401 - JSON is anything
    """Return the decoded body.

    Raises:
        UnsupportedMediaType: its Content-Type is not application/json.
        RequestTooLarge: it is longer than `limit` bytes, by Content-Length or by what arrives.
        RequestIncomplete: the caller left.
        InvalidRequest: it is not JSON.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType
    raw = await _read(request, limit)
    try:
        # Not pydantic's own parser: that one stops at a lone surrogate without telling in which field.
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidRequest((("request", "is not valid JSON"),)) from None


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise RequestTooLarge(limit)
    received = bytearray()
    try:
        async for chunk in request.stream():
            received += chunk
            if len(received) > limit:
                raise RequestTooLarge(limit)
    except ClientDisconnect:
        raise RequestIncomplete from None
    return bytes(received)
