"""Request ids, and one log line per request: what was asked, how it was answered, how long it took."""

import re
import secrets
from collections.abc import Mapping
from time import perf_counter
from typing import Final

from loguru import logger
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import StatusCode, get_current_span
from prometheus_fastapi_instrumentator.routing import get_route_name
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_api.telemetry import NOT_OBSERVED, known_method
from mail_telemetry.names import Attribute, LogLine

_REQUEST_ID: Final = "X-Request-ID"
_USABLE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")
_NO_ROUTE: Final = "none"


def set_log_line(request: Request, message: LogLine, fields: Mapping[str, object]) -> None:
    """Set the message and further fields of the request's log line."""
    request.state.log_line = message, fields


class RequestLog:
    """Middleware that gives each request an id and logs it when it was answered.

    Health checks are not logged. No line has a path, a query or an address.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add the id to its log lines and to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        known_as = _request_id(Headers(scope=scope).get(_REQUEST_ID, ""))
        started = perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[_REQUEST_ID] = known_as
            await send(message)

        with logger.contextualize(**{Attribute.REQUEST_ID: known_as}):
            try:
                await self._app(scope, receive, send_with_id)
            except BaseException as error:
                span = get_current_span()
                span.set_attribute(ERROR_TYPE, type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise
            finally:
                if scope["path"] not in NOT_OBSERVED:
                    _log(Request(scope), status, perf_counter() - started)


def _request_id(claimed: str) -> str:
    """Return the caller's id if it is short and of harmless characters, else a new one."""
    return claimed if _USABLE_ID.fullmatch(claimed) else f"req_{secrets.token_hex(12)}"


def _log(request: Request, status: int, seconds: float) -> None:
    message, fields = getattr(request.state, "log_line", (LogLine.ANSWERED, {}))
    known = {
        Attribute.HTTP_METHOD: known_method(request.method),
        Attribute.HTTP_ROUTE: get_route_name(request, should_include_root_path=False) or _NO_ROUTE,
        Attribute.HTTP_STATUS: status,
        Attribute.DURATION: round(seconds, 6),
    }
    logger.bind(**known, **fields).info(message)
