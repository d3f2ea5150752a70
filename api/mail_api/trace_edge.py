"""Whose trace goes on here: a stranger must decide neither that his mail leaves no trace, nor into whose it goes."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TypeAlias

from opentelemetry.propagate import get_global_textmap
from starlette.types import ASGIApp, Receive, Scope, Send

Trusts: TypeAlias = Callable[[Scope], Awaitable[bool]]
"""Tells whether a request's caller is known, as by an API key, and may so continue a trace of its own."""

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]


async def trust_nobody(_: Scope) -> bool:
    """Return False: callers without a key are strangers."""
    return False


def believed(headers: Iterable[tuple[bytes, bytes]], fields: Collection[str], *, trusted: bool) -> RawHeaders:
    """Return the headers that a request counts with: of a stranger's, those that carry no trace context.

    Args:
        headers: as ASGI has them, names in lower case.
        fields: the names of the headers that carry trace context.
        trusted: whether the caller is known.
    """
    return [(name, value) for name, value in headers if trusted or name.decode("latin-1") not in fields]


class TraceEdge:
    """Takes strangers' trace context (`traceparent`, `tracestate`, `baggage`) off, before anybody reads it."""

    def __init__(self, app: ASGIApp, trusts: Trusts) -> None:
        self._app = app
        self._trusts = trusts
        self._fields = frozenset(field.lower() for field in get_global_textmap().fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the headers that it counts with."""
        if scope["type"] == "http" and any(name.decode("latin-1") in self._fields for name, _ in scope["headers"]):
            headers = believed(scope["headers"], self._fields, trusted=await self._trusts(scope))
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)
