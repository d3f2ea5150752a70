"""Every answer in the seed's shape, whoever made it: success, our situations, the framework, or a defect."""

from typing import Final

from loguru import logger
from opentelemetry.semconv.attributes.exception_attributes import EXCEPTION_STACKTRACE
from opentelemetry.trace import get_current_span
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_api import forms, pages
from mail_api.codes import INTERNAL, ROUTING, Code, answer_to
from mail_api.errors import OutcomeUnknown, Situation
from mail_api.links import status_url
from mail_api.sent import Sent
from mail_telemetry.masking import mask_text
from mail_telemetry.names import Attribute

_WORDS: Final = {
    404: "There is nothing at this path; POST /send sends a mail",
    405: "This path does not take this method; see the Allow header",
}
_UNAUTHORIZED: Final = 401
_METHOD_NOT_ALLOWED: Final = 405
REPLAYED: Final = "Idempotent-Replayed"


def accepted(request: Request, sent: Sent, redirect: str | None) -> Response:
    """Return the answer to a mail that the mail server has taken: JSON, a page, or the way to the form's own page."""
    if redirect is not None:
        answer: Response = RedirectResponse(redirect, 303)
    elif forms.wants_page(request.headers):
        answer = pages.accepted()
    else:
        answer = JSONResponse(acceptance(sent.message_id))
    if sent.replayed:
        answer.headers[REPLAYED] = "true"
    return answer


def acceptance(message_id: str) -> dict[str, object]:
    """Return what is said about a mail that the mail server has taken."""
    said = {"success": True, "message": "The mail is on its way", "code": Code.ACCEPTED}
    return said | {"id": message_id, "status_url": status_url(message_id)}


def refusal(situation: Situation, *, as_page: bool = False) -> Response:
    """Return the answer that the table in `codes` gives to the situation."""
    answer = answer_to(situation)
    retry_after = situation.retry_after or answer.retry_after
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if answer.status == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    errors = dict(situation.errors)
    if as_page and isinstance(situation, OutcomeUnknown):
        return pages.unknown(str(situation), situation.message_id, answer.status)
    if as_page:
        return pages.refused(str(situation), answer.status, errors, headers)
    content = _content(str(situation), answer.code)
    if errors:
        content["errors"] = errors
    if isinstance(situation, OutcomeUnknown) and situation.message_id:
        content |= {"id": situation.message_id, "status_url": status_url(situation.message_id)}
    return JSONResponse(content, answer.status, headers)


def _content(message: str, code: Code) -> dict[str, object]:
    return {"success": False, "message": message, "code": code}


async def on_situation(request: Request, problem: Exception) -> Response:
    """Answer one of our own situations."""
    if not isinstance(problem, Situation):
        return _defect()
    return refusal(problem, as_page=forms.wants_page(request.headers))


async def on_http_exception(request: Request, problem: Exception) -> Response:
    """Answer what the router refuses: unknown paths and methods. OPTIONS is told what there is."""
    if not isinstance(problem, HTTPException):
        return _defect()
    status, headers = problem.status_code, dict(problem.headers or {})
    if status == _METHOD_NOT_ALLOWED:
        headers["Allow"] = f"{headers.get('Allow', '')}, OPTIONS"
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    code = ROUTING.get(status, INTERNAL.code)
    return JSONResponse(_content(_WORDS.get(status, problem.detail), code), status, headers)


def _defect() -> Response:
    return JSONResponse(_content("Something went wrong inside the mail API; its log says what", INTERNAL.code), 500)


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
    where = problem.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "unknown"
    # Before the answer, whose last byte ends the span. The whole trace would be cut in its first, uninteresting half.
    get_current_span().record_exception(problem, {EXCEPTION_STACKTRACE: place})
    text = mask_text(str(problem)[:300])
    logger.bind(**{Attribute.ERROR_TYPE: type(problem).__name__, "place": place}).error("unexpected: {}", text)
