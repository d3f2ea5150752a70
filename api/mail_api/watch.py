"""Sees every request from outside of all else, and tells of it when it is answered: an id, a span, metrics, a log line.

    request ──▶ id, span ──▶ the API ──▶ answer ──▶ metrics, log line, end of the span
                             └─ tell: what became of the mail

It looks once where a middleware for each would look four times: OpenTelemetry's and the instrumentator's own took a
fourth of a request to send (bench/README.md). Names are theirs: spans by the semantic conventions, metrics as before.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from loguru import logger
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context
from prometheus_fastapi_instrumentator.routing import get_route_name
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_api import http_spans
from mail_api.exchange import Exchange, known_method, known_route
from mail_api.http_metrics import HttpMetrics
from mail_api.trace_edge import TraceEdge
from mail_telemetry.logging import say
from mail_telemetry.names import Attribute, LogLine

_REQUEST_ID: Final = b"x-request-id"
_CONTENT_LENGTH: Final = b"content-length"
_USABLE_ID: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")
_QUIET_PATHS: Final = frozenset({"/health", "/ready"})
"""Asked every few seconds, by machines."""
_UNTOLD: Final[tuple[LogLine, Mapping[str, object]]] = (LogLine.ANSWERED, {})


def tell(request: Request, message: LogLine, fields: Mapping[str, object]) -> None:
    """Let the request's line say this, too."""
    request.state.told = message, fields


def request_id(claimed: bytes) -> str:
    """Return the claimed id if it is short and of harmless characters, else a new one."""
    return claimed.decode() if _USABLE_ID.fullmatch(claimed) else f"req_{secrets.token_hex(12)}"


class Watch:
    """The outermost middleware. Of health checks it tells nothing; no line has a path, a query or an address.

    Args:
        app: all that it watches.
        tracer: makes the spans.
        metrics: counts the answers.
        edge: tells whose trace goes on here.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer, metrics: HttpMetrics, edge: TraceEdge) -> None:
        self._app = app
        self._tracer = tracer
        self._metrics = metrics
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id; where it is not a quiet one, in a span of its own."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # of several, the first counts
        known_as = request_id(headers.get(_REQUEST_ID, b""))
        answer = _Answer(known_as, send)
        with logger.contextualize(**{Attribute.REQUEST_ID: known_as}):
            if scope["path"] in _QUIET_PATHS:
                await self._app(scope, receive, answer.send)
            else:
                await self._observed(scope, receive, headers, answer)

    async def _observed(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes], answer: "_Answer") -> None:
        started = perf_counter()
        state = scope.setdefault("state", {})  # routers below copy the scope, and share this
        parent = await self._edge.parent_of(scope)
        with self._span(scope, headers, parent) as span:
            try:
                await self._app(scope, receive, answer.send)
            finally:
                done = Exchange(
                    method=known_method(scope["method"]),
                    route=_route(scope),
                    status=answer.status,
                    seconds=perf_counter() - started,
                    request_bytes=_length(headers),
                    response_bytes=_length(dict(answer.headers)),
                )
                http_spans.answered(span, done)
                self._metrics.count(done)
                _log(answer.known_as, done, *state.get("told", _UNTOLD))

    @contextmanager
    def _span(self, scope: Scope, headers: dict[bytes, bytes], parent: Context) -> Iterator[Span]:
        span = self._tracer.start_span(scope["method"], parent, SpanKind.SERVER, http_spans.of_request(scope, headers))
        token = attach(set_span_in_context(span, parent))
        try:
            yield span
        except BaseException as problem:
            http_spans.fail(span, type(problem).__name__)
            raise
        finally:
            span.end()
            detach(token)


class _Answer:
    """What the request is answered, on its way out, where it is given the request's id."""

    def __init__(self, known_as: str, send: Send) -> None:
        self.known_as = known_as
        self._send = send
        self.status = 0
        """0 when there was no answer."""
        self.headers: list[tuple[bytes, bytes]] = []

    async def send(self, message: Message) -> None:
        """Take note and pass it on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [*message.get("headers", ()), (_REQUEST_ID, self.known_as.encode())]
            message["headers"] = self.headers
        await self._send(message)


def _log(known_as: str, done: Exchange, message: LogLine, told: Mapping[str, object]) -> None:
    fields = {
        Attribute.REQUEST_ID: known_as,
        Attribute.HTTP_METHOD: done.method,
        Attribute.HTTP_ROUTE: done.route,
        Attribute.HTTP_STATUS: done.status,
        Attribute.DURATION: round(done.seconds, 6),
        **told,
    }
    say(__name__, message, fields)


def _route(scope: Scope) -> str:
    """Return the route's template; what was answered before routing (a preflight) is matched here."""
    found = getattr(scope.get("route"), "path", None)
    return known_route(found or get_route_name(Request(scope), should_include_root_path=False))


def _length(headers: Mapping[bytes, bytes]) -> int:
    declared = headers.get(_CONTENT_LENGTH, b"0")
    return int(declared) if declared.isdigit() else 0
