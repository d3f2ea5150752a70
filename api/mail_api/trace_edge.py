"""Whose trace goes on here: a stranger must decide neither that his mail leaves no trace, nor into whose it goes."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from opentelemetry.context import Context
from opentelemetry.propagate import get_global_textmap
from starlette.types import Scope

Trusts: TypeAlias = Callable[[Scope], Awaitable[bool]]
"""Tells whether a request's caller is known, as by an API key, and may so continue a trace of its own."""


class TraceEdge:
    """Lets the trace of a known caller go on (`traceparent`, `tracestate`, `baggage`), and no stranger's."""

    def __init__(self, trusts: Trusts) -> None:
        self._trusts = trusts
        self._propagator = get_global_textmap()
        self._fields = frozenset(field.lower().encode() for field in self._propagator.fields)

    async def parent_of(self, scope: Scope) -> Context:
        """Return the context that the request's span begins in: an empty one where a new trace begins.

        Never the current one: a pipelined request is begun by the one before, in whose span.
        """
        brought: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            if name in self._fields:
                brought.setdefault(name.decode(), []).append(value.decode("latin-1"))
        known = brought and await self._trusts(scope)
        return self._propagator.extract(brought, Context()) if known else Context()
