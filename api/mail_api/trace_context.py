"""ASGI wrapper that decides which trace a request belongs to; OpenTelemetry's instrumentation runs inside it.

    uvicorn ──▶ TraceContextGuard ──▶ FastAPIInstrumentor ──▶ FastAPI

The instrumentation wraps every middleware of the app, so this cannot be one of them.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from fastapi import FastAPI
from opentelemetry.context import Context, attach, detach
from opentelemetry.propagate import get_global_textmap
from starlette.types import Receive, Scope, Send

Trusts: TypeAlias = Callable[[Scope], Awaitable[bool]]
"""Returns whether a request's caller may continue its own trace, for example because of its API key."""

_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::\d{1,5})?")  # RFC 3986 section 3.2.2
_INVALID_HOST: Final = b"invalid"
_DECODED: Final = frozenset({b"content-length", b"host", b"user-agent"})
"""Headers that the instrumentation decodes, beside the trace context; it raises for some values."""


class TraceContextGuard:
    """Removes the trace context of callers that are not trusted, and whatever the instrumentation cannot read.

    Args:
        app: the instrumented API.
        trusts: returns whether a caller may continue its own trace.
    """

    def __init__(self, app: FastAPI, trusts: Trusts) -> None:
        self.app = app
        self._trusts = trusts
        self._trace_headers = frozenset(field.lower().encode() for field in get_global_textmap().fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, in an empty OpenTelemetry context.

        uvicorn starts a pipelined request in the context of the request before it, whose span would become the parent.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        token = attach(Context())
        try:
            await self.app(await self._cleaned(scope), receive, send)
        finally:
            detach(token)

    async def _cleaned(self, scope: Scope) -> Scope:
        headers = [(name, self._readable(name, value)) for name, value in scope["headers"]]
        if any(name in self._trace_headers for name, _ in headers) and not await self._trusts(scope):
            headers = [(name, value) for name, value in headers if name not in self._trace_headers]
        return {**scope, "headers": headers, "query_string": _utf8(scope["query_string"])}

    def _readable(self, name: bytes, value: bytes) -> bytes:
        if name == b"host" and not _HOST.fullmatch(value):
            return _INVALID_HOST
        return _utf8(value) if name in _DECODED or name in self._trace_headers else value


def _utf8(value: bytes) -> bytes:
    """Return the bytes as UTF-8; other bytes are taken as Latin-1, which HTTP allows (RFC 9110 section 5.5)."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1").encode()
    return value
