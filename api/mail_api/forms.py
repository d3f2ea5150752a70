"""POST /forms/NAME: plain HTML forms; a file sets recipient, templates and pages, and all else is as for POST /send.

record_request ──▶ limit_concurrency ──▶ check_caller ──▶ read_form ──▶ send_mail
"""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from mail_api import openapi
from mail_api.dependencies import AllowedMail, Caller, CallerDep, MemoryDep, RecordDep, read_request, requested_page
from mail_api.form_files import Form
from mail_api.form_mail import make_form_mail
from mail_api.request_body import FORMS, media_type_of, parse_body, wants_json
from mail_api.responses import AnswerTexts, accepted_response, set_texts
from mail_api.schemas import SendAnswer, SendRequest
from mail_api.send import send_mail
from mail_api.services import Services, ServicesDep
from mail_api.settings import Settings
from mail_api.spam_checks import Caught, check_fields
from mail_api.submissions import IDEMPOTENCY_HEADER, Idempotency


def create_router(settings: Settings, forms: Iterable[Form]) -> APIRouter:
    """Return a router with a path for each form: an unknown name is an unknown path, in answers as in metrics."""
    router = APIRouter(tags=["Send"])
    for form in forms:
        router.add_api_route(
            form.path,
            send_form,
            methods=["POST"],
            summary=f"Send the form {form.name}",
            response_model=SendAnswer,
            responses=openapi.FORM_RESPONSES,
            openapi_extra=openapi.form_request_body(form, settings.max_attachments),
            operation_id=f"send_form_{form.name}",
        )
    return router


async def read_form(request: Request, services: ServicesDep, memory: MemoryDep, caller: CallerDep) -> AllowedMail:
    """Read the fields of a form, and return the mail that its file makes of them.

    Raises:
        ApiError: the body is not readable, or fields are missing or cannot be used.
    """
    return await read_request(request, services, memory, caller, lambda body: _parse(request, body, caller, services))


async def _parse(request: Request, body: bytes, caller: Caller, services: Services) -> AllowedMail | Caught:
    rules = services.forms[request.scope["route"].path]
    confirmation = rules.form.file.confirmation
    set_texts(request, AnswerTexts(confirmation.title, confirmation.text, rules.form.file.labels))
    payload = await parse_body(body, request.headers)
    own_page = None if _is_script(request) else confirmation.redirect
    redirect = requested_page(request, payload, rules.access) or own_page

    def build() -> SendRequest:
        settings = services.settings
        found = make_form_mail(rules.form, payload, settings, settings.honeypot_fields)
        return services.access.with_default_to(found)

    mail = check_fields(payload, caller, services, build, redirect)
    if isinstance(mail, Caught):
        return mail
    idempotency = Idempotency.of(request.headers.get(IDEMPOTENCY_HEADER), caller.key, mail)
    return AllowedMail(mail, caller.key, None, idempotency, redirect, services.captcha.token(payload))


def _is_script(request: Request) -> bool:
    """Return whether the answer is read by a program: it sent JSON, or asks for JSON."""
    return media_type_of(request.headers) not in FORMS or wants_json(request.headers)


async def send_form(
    request: Request, record: RecordDep, mail: Annotated[AllowedMail, Depends(read_form)], services: ServicesDep
) -> Response:
    """Send the mail that the form's file makes of the fields.

    The file sets recipient, templates and required fields; no field can change them. Every field reaches the recipient.
    """
    replayed = await send_mail(mail, record, services)
    return accepted_response(request, record.message_id or "", redirect=mail.redirect, replayed=replayed)
