"""The API's paths: POST /send, and /health."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from mail_api.admission import Admission
from mail_api.body import read_json
from mail_api.observability import Telemetry
from mail_api.outbox import Outbox, recorded
from mail_api.schemas import SendAnswer, SendRequest, parse_send_request

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "A field can't be used; the message names it.", "model": SendAnswer},
    403: {"description": "The recipient or the calling site is not allowed.", "model": SendAnswer},
    413: {"description": "The request is too large.", "model": SendAnswer},
    415: {"description": "The request is not JSON.", "model": SendAnswer},
    503: {"description": "The mail server can't take the mail; see Retry-After.", "model": SendAnswer},
}
# Written out here because the route reads the body itself: so one place limits its size and words its errors.
_REQUEST_BODY: Final = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": SendRequest.model_json_schema()}}}
}


def routes(outbox: Outbox, admission: Admission, telemetry: Telemetry, max_request_bytes: int) -> APIRouter:
    """Return the routes over these parts."""
    router = APIRouter()

    @router.post("/send", responses=_REFUSALS, response_model=SendAnswer, openapi_extra=_REQUEST_BODY)
    async def send(request: Request) -> Response:
        """Send one mail; success means that the mail server has it in its queue."""
        with recorded(telemetry) as record:
            admission.check_origin(request.headers.getlist("origin"))
            wanted = parse_send_request(await read_json(request, max_request_bytes))
            recipient = admission.recipient(wanted.to)
            message_id = await outbox.send(wanted, recipient, record)
        return JSONResponse({"success": True, "message": "The mail is on its way", "id": message_id})

    async def health() -> dict[str, str]:
        """Tell that the process is alive, and nothing more."""
        return {"status": "ok"}

    router.add_api_route("/health", health, methods=["GET", "HEAD"], include_in_schema=False)
    # Never reached, only shown: FastAPI would give both methods of one route the same operation id.
    router.add_api_route("/health", health, methods=["GET"])
    return router
