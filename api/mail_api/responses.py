"""HTTP answers: of accepted mails, of errors, as JSON or as a page for a visitor whose browser sent a form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from string import Template
from types import MappingProxyType
from typing import Final

from fastapi.exceptions import RequestValidationError
from loguru import logger
from opentelemetry.semconv.attributes.exception_attributes import EXCEPTION_STACKTRACE
from opentelemetry.trace import get_current_span
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mail_api.error_codes import INTERNAL, ROUTING, Code, answer_to
from mail_api.errors import ApiError, HoneypotFilled, InvalidRequest, OutcomeUnknown
from mail_api.request_body import wants_page
from mail_api.schemas import ErrorAnswer, SendAnswer, status_path
from mail_telemetry.masking import mask_text
from mail_telemetry.names import Attribute

REPLAYED_HEADER: Final = "Idempotent-Replayed"
_MESSAGES: Final = {
    404: "There is nothing at this path; POST /send sends a mail",
    405: "This path does not take this method; see the Allow header",
}
_WRONG_ADDRESS: Final = "The form's owner has to correct its address (the attribute action)."
_INTERNAL_MESSAGE: Final = "Internal error of the mail API; see its log"
FORMS_PATH: Final = "/forms/"
_NO_FORM: Final = "There is no form of this name; its file forms/NAME.toml makes the path /forms/NAME (docs/forms.md)"
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_METHOD_NOT_ALLOWED: Final = 405
_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style>body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }</style>
</head>
<body>
<main>
<h1>$title</h1>
<p role="$role">$message</p>
$list<p>$next</p>
</main>
</body>
</html>
""")
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class AnswerTexts:
    """Texts of the answer that depend on the request: of its form, and which of its fields are ignored."""

    title: str = "Thank you"
    text: str = "Your message has been sent."
    labels: Mapping[str, str] = field(default_factory=dict)
    """What error pages call a field; others have their names."""
    ignored: tuple[str, ...] = ()


def set_texts(request: Request, texts: AnswerTexts) -> None:
    """Set the texts of the answer to this request."""
    request.state.answer_texts = texts


def texts_of(request: Request) -> AnswerTexts:
    """Return the texts of the answer to this request."""
    found: AnswerTexts = getattr(request.state, "answer_texts", AnswerTexts())
    return found


def accepted_response(
    request: Request, message_id: str, *, redirect: str | None = None, replayed: bool = False
) -> Response:
    """Return the answer for a mail that the mail server has: JSON, a page, or a redirect to the form's own page."""
    texts = texts_of(request)
    if redirect is not None:
        response: Response = RedirectResponse(redirect, 303)
    elif wants_page(request.headers):
        response = _page(texts.title, texts.text, "You can close this page now.", role="status")
    else:
        answer = SendAnswer.of(message_id, texts.ignored)
        response = JSONResponse(answer.model_dump(exclude_none=True))
    if replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return response


def error_response(
    error: ApiError, *, as_page: bool = False, labels: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """Return the answer for an error, by the table in `errors`; a page has the labels of fields for their names."""
    answer = answer_to(error)
    retry_after = error.retry_after or answer.retry_after
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    if answer.status == _UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    message_id = error.message_id if isinstance(error, OutcomeUnknown) else ""
    if as_page and message_id:
        following = f"To ask the recipient whether it arrived, use this number: {message_id}"
        return _page("Your message may have been sent", str(error), following, role="alert", status=answer.status)
    if as_page:
        return _error_page(error, answer.status, headers, labels)
    content = ErrorAnswer(
        message=str(error),
        code=answer.code,
        errors=dict(error.errors) or None,
        id=message_id or None,
        status_url=status_path(message_id) if message_id else None,
    )
    return JSONResponse(content.model_dump(exclude_none=True), answer.status, headers)


async def on_api_error(request: Request, error: Exception) -> Response:
    """Answer one of our own errors; a filled honeypot gets the answer of a success."""
    if isinstance(error, HoneypotFilled):
        return accepted_response(request, error.message_id, redirect=error.redirect)
    return (
        error_response(error, as_page=wants_page(request.headers), labels=texts_of(request).labels)
        if isinstance(error, ApiError)
        else internal_error_response()
    )


async def on_validation_error(_request: Request, error: Exception) -> Response:
    """Answer parameters that FastAPI could not validate with 400, like all other invalid requests."""
    if not isinstance(error, RequestValidationError):
        return internal_error_response()
    problems = ((str(found["loc"][-1])[:60], found["msg"].removeprefix("Value error, ")) for found in error.errors())
    return error_response(InvalidRequest(tuple(problems)))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer unknown paths and methods; OPTIONS gets the methods of a path."""
    if not isinstance(error, HTTPException):
        return internal_error_response()
    status, headers = error.status_code, dict(error.headers or {})
    if status == _METHOD_NOT_ALLOWED:
        headers["Allow"] = f"{headers.get('Allow', '')}, OPTIONS"
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
    is_form = status == _NOT_FOUND and request.url.path.startswith(FORMS_PATH)
    message = _NO_FORM if is_form else _MESSAGES.get(status, error.detail)
    if wants_page(request.headers):
        return _page("Your message was not sent", message, _WRONG_ADDRESS, role="alert", status=status, headers=headers)
    content = ErrorAnswer(message=message, code=ROUTING.get(status, INTERNAL.code))
    return JSONResponse(content.model_dump(exclude_none=True), status, headers)


def internal_error_response() -> Response:
    """Return the answer after an unexpected exception."""
    content = ErrorAnswer(message=_INTERNAL_MESSAGE, code=Code.INTERNAL_ERROR)
    return JSONResponse(content.model_dump(exclude_none=True), INTERNAL.status)


def _error_page(error: ApiError, status: int, headers: dict[str, str], labels: Mapping[str, str]) -> Response:
    named = ((labels.get(name, name), problem) for name, problem in error.errors.items())
    rows = "".join(f"<li>{escape(name)}: {escape(problem)}</li>" for name, problem in named)
    return _page(
        "Your message was not sent",
        "Please check these fields:" if rows else str(error),
        "Go back to the form with your browser's Back button; what you wrote is still there.",
        items=f"<ul>{rows}</ul>\n" if rows else "",
        role="alert",
        status=status,
        headers=headers,
    )


def _page(  # noqa: PLR0913 - the parts of a page, by name
    title: str,
    message: str,
    following: str,
    *,
    role: str,
    items: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    text = _PAGE.substitute(title=escape(title), message=escape(message), next=escape(following), list=items, role=role)
    return HTMLResponse(text, status, _PAGE_HEADERS | (headers or {}))


class UnexpectedErrors:
    """Middleware that answers an unexpected exception with 500, inside the CORS headers, and logs it masked.

    Starlette's own handler is outside of all middleware, and the server then logs the exception's text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer it when it fails before its answer has begun."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the last resort
            _log(error)
            if not started and scope["type"] == "http":
                await internal_error_response()(scope, receive, send)


def _log(error: Exception) -> None:
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "unknown"
    # Before the answer, whose last byte ends the span. A whole stack trace would be cut before its last call.
    get_current_span().record_exception(error, {EXCEPTION_STACKTRACE: place})
    text = mask_text(str(error)[:300])
    logger.bind(**{Attribute.ERROR_TYPE: type(error).__name__, "place": place}).error("unexpected: {}", text)
