"""Lets the pages of ALLOWED_HOSTS, and no others, read the API's answers, refusals included (Fetch standard, CORS).

Only browsers heed it. The refusal itself is `Admission.check_origin`.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_api.admission import Admission
from mail_api.answers import refusal
from mail_api.errors import OriginNotAllowed

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, "
    "Traceparent, Tracestate, X-Request-ID",
    "Access-Control-Max-Age": "600",
}


class Cors:
    """Answers preflights and adds the headers to the answers for allowed origins."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or pass the request on and mark its answer."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        origin = headers.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = self._admission.allows_origin(origin)

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), origin if allowed else None)
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            answer = Response(status_code=204, headers=_PREFLIGHT_HEADERS) if allowed else refusal(OriginNotAllowed())
            await answer(scope, receive, mark)
        else:
            await self._app(scope, receive, mark)


def _mark(headers: MutableHeaders, allowed_origin: str | None) -> None:
    headers.add_vary_header("Origin")
    if allowed_origin is not None:
        headers["Access-Control-Allow-Origin"] = allowed_origin
        headers["Access-Control-Expose-Headers"] = "Idempotent-Replayed, Retry-After, X-Request-ID"
