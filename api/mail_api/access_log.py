"""One log line per request: method, route template, status, duration. No path, no query, no address.

A request to send tells in the same line what became of its mail (`tell`).
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Final

from loguru import logger
from prometheus_fastapi_instrumentator.routing import get_route_name
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_api.http_metrics import known_method
from mail_telemetry.names import Attribute, LogLine

_QUIET_ROUTES: Final = frozenset({"/health", "/ready"})


def tell(request: Request, message: LogLine, fields: Mapping[str, object]) -> None:
    """Let the request's line say this, too."""
    request.state.told = message, fields


class AccessLog:
    """Logs each answered request, except those of health checks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 0
        state = scope.setdefault("state", {})  # routers below copy the scope, and share this

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            _log(scope, status, perf_counter() - started, *state.get("told", (LogLine.ANSWERED, {})))


def _log(scope: Scope, status: int, seconds: float, message: LogLine, told: Mapping[str, object]) -> None:
    route = _route(scope)
    if route in _QUIET_ROUTES:
        return
    fields = {
        Attribute.HTTP_METHOD: known_method(scope["method"]),
        Attribute.HTTP_ROUTE: route,
        Attribute.HTTP_STATUS: status,
        Attribute.DURATION: round(seconds, 6),
    }
    logger.bind(**fields, **told).info(message)


def _route(scope: Scope) -> str:
    """Return the route's template; what was answered before routing (a preflight) is matched here."""
    found = getattr(scope.get("route"), "path", None)
    return found or get_route_name(Request(scope), should_include_root_path=False) or "none"
