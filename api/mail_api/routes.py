"""The API's paths to send and to be watched: POST /send, /health and /ready; `lookup` has those that read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response

from mail_api import answers, openapi
from mail_api.callers import Callers
from mail_api.errors import HoneypotFilled
from mail_api.gate import Gate
from mail_api.outbox import Outbox, recorded
from mail_api.readiness import CACHE_SECONDS, Readiness
from mail_api.reception import Reception
from mail_api.schemas import SendAnswer
from mail_api.sent import Sent
from mail_api.telemetry import Telemetry
from mail_telemetry.identity import new_message_id


class _Direct(APIRoute):
    """Hands the request to the endpoint, and its answer to the caller, with nothing to inject or to check."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint."""
        return self.endpoint


def send_route(
    reception: Reception, gate: Gate, outbox: Outbox, telemetry: Telemetry, body: dict[str, Any]
) -> APIRouter:
    """Return POST /send over these parts; `body` is how OpenAPI describes what it takes."""
    router = APIRouter(route_class=_Direct)

    @router.post("/send", responses=openapi.responses(), response_model=SendAnswer, openapi_extra=body)
    async def send(request: Request) -> Response:
        """Send one mail; success means that the mail server has it in its queue."""
        try:
            with recorded(request, telemetry) as record, gate.entered(request.headers.get("content-length", "")):
                received = await reception.receive(request)
                sent = await outbox.send(received, record)
        except HoneypotFilled:
            return answers.accepted(request, Sent(new_message_id()), None)
        return answers.accepted(request, sent, received.redirect)

    return router


def state_routes(readiness: Readiness, callers: Callers) -> APIRouter:
    """Return /health and /ready."""
    router = APIRouter()

    async def health() -> dict[str, str]:
        """Tell that the process is alive, and nothing more."""
        return {"status": "ok"}

    async def ready(request: Request) -> Response:
        """Tell whether a mail sent now would leave; why not, to those with an API key and in the log."""
        reasons = await readiness.reasons()
        if not reasons:
            return JSONResponse({"status": "ready"})
        content = {"status": "not ready"} | ({"reasons": reasons} if await callers.trusts(request.scope) else {})
        return JSONResponse(content, 503, {"Retry-After": f"{CACHE_SECONDS:.0f}"})

    for path, state in (("/health", health), ("/ready", ready)):
        router.add_api_route(path, state, methods=["GET", "HEAD"], include_in_schema=False)
        # Never reached, only shown: FastAPI would give both methods of one route the same operation id.
        responses: dict[int | str, dict[str, Any]] = {503: {"description": "It would not."}} if state is ready else {}
        router.add_api_route(path, state, methods=["GET"], responses=responses)
    return router
