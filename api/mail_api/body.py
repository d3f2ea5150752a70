"""Reads a request's body: never more of it than is allowed, never longer than is allowed, and as what it says it is."""

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from mail_api import forms
from mail_api.errors import InvalidRequest, RequestIncomplete, RequestTimeout, RequestTooLarge, UnsupportedMediaType


async def read_payload(request: Request, limit: int, seconds: float) -> dict[str, Any]:
    """Return the decoded body: JSON, or an HTML form.

    Raises:
        UnsupportedMediaType: its Content-Type is none of these.
        RequestTooLarge: it is longer than `limit` bytes, by Content-Length or by what arrives.
        RequestTimeout: it took longer than `seconds` to arrive.
        RequestIncomplete: the caller left.
        InvalidRequest: it is not what it says it is.
    """
    media_type = forms.media_type_of(request.headers)
    if media_type != "application/json" and media_type not in forms.MEDIA_TYPES:
        raise UnsupportedMediaType
    raw = await _read(request, limit, seconds)
    if media_type == forms.MULTIPART:
        return await forms.parse_multipart(raw, request.headers)
    return forms.parse_urlencoded(raw) if media_type == forms.URLENCODED else _parse_json(raw)


def _parse_json(raw: bytes) -> dict[str, Any]:
    try:
        # Not pydantic's own parser: that one stops at a lone surrogate without telling in which field.
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidRequest((("request", "is not valid JSON"),)) from None
    if not isinstance(found, dict):
        raise InvalidRequest((("request", "must be a JSON object"),))
    return found


async def _read(request: Request, limit: int, seconds: float) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise RequestTooLarge(limit)
    received = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                received += chunk
                if len(received) > limit:
                    raise RequestTooLarge(limit)
    except ClientDisconnect:
        raise RequestIncomplete from None
    except TimeoutError:
        raise RequestTimeout(seconds) from None
    return bytes(received)
