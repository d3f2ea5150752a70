"""Every refusal in the seed's shape, whoever made it: our situations, the framework, or a defect."""

from loguru import logger
from opentelemetry.trace import Status, StatusCode, get_current_span
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_api.errors import INTERNAL, OutcomeUnknown, Situation, answer_to
from mail_telemetry.masking import mask_text
from mail_telemetry.names import Attribute

_NOT_FOUND = 404
_NOT_ALLOWED = 405
_WORDS = {
    _NOT_FOUND: "There is nothing at this path; POST /send sends a mail",
    _NOT_ALLOWED: "This path does not take this method; see the Allow header",
}


def refusal(situation: Situation) -> JSONResponse:
    """Return the answer that the table in `errors` gives to the situation."""
    answer = answer_to(situation)
    content: dict[str, object] = {"success": False, "message": str(situation)}
    if isinstance(situation, OutcomeUnknown) and situation.message_id:
        content["id"] = situation.message_id
    headers = {"Retry-After": str(answer.retry_after)} if answer.retry_after else None
    return JSONResponse(content, answer.status, headers)


async def on_situation(_: Request, problem: Exception) -> JSONResponse:
    """Answer one of our own situations."""
    return refusal(problem) if isinstance(problem, Situation) else _defect()


async def on_http_exception(_: Request, problem: Exception) -> JSONResponse:
    """Answer what the router refuses: unknown paths and methods."""
    if not isinstance(problem, HTTPException):
        return _defect()
    message = _WORDS.get(problem.status_code, problem.detail)
    return JSONResponse({"success": False, "message": message}, problem.status_code, problem.headers)


def _defect() -> JSONResponse:
    message = "Something went wrong inside the mail API; its log says what"
    return JSONResponse({"success": False, "message": message}, INTERNAL.status)


class DefectBarrier:
    """Turns an exception that nobody expected into a 500, inside the CORS headers, logged without addresses.

    Starlette's own handler for such exceptions stands outside of all middleware, and then lets the server log
    the exception's text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer in its place when it fails before it has begun to answer."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as problem:  # noqa: BLE001 - the last line of defence
            _report(problem)
            if not started and scope["type"] == "http":
                await _defect()(scope, receive, send)


def _report(problem: Exception) -> None:
    span = get_current_span()
    span.set_attribute(Attribute.ERROR_TYPE, type(problem).__name__)
    span.set_status(Status(StatusCode.ERROR))
    where = problem.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "unknown"
    text = mask_text(str(problem))[:300]
    logger.bind(**{Attribute.ERROR_TYPE: type(problem).__name__, "place": place}).error("unexpected: {}", text)
