"""POST /send: check the caller, read the mail, record it, and send it to Postfix.

record_request ──▶ limit_concurrency ──▶ check_caller ──▶ read_mail ──▶ send_mail
(metric, log line)  (503)                 (401, 403, 429)  (400, 413)    ├─ quota: room in the daily limit? (429)
                                                                        ├─ submissions: record; a repeated request?
                                                                        ├─ message: build the mail
                                                                        └─ smtp: Postfix replies 250
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter

from fastapi import APIRouter, Request
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span
from starlette.responses import Response

from mail_api import openapi
from mail_api.addresses import Mailbox
from mail_api.dependencies import LARGE, AllowedMail, AllowedMailDep, RecordDep, SendRecord
from mail_api.error_codes import Code, result_of
from mail_api.errors import OutcomeUnknown, QuotaExhausted
from mail_api.message import Stamp, compose, needs_utf8
from mail_api.responses import accepted_response
from mail_api.schemas import SendAnswer, SendRequest
from mail_api.services import Services, ServicesDep
from mail_api.settings import Settings
from mail_api.smtp import Envelope, Receipt
from mail_api.submissions import outcome_of
from mail_ledger.submissions import NewSubmission, SubmissionAccepted, SubmissionFailed
from mail_telemetry.masking import domain_of, mask_text
from mail_telemetry.message_ids import message_id_header, new_message_id
from mail_telemetry.names import Attribute, SpanName
from mail_telemetry.propagation import traceparent


def create_router(settings: Settings) -> APIRouter:
    """Return the router of POST /send; its description depends on the settings."""
    router = APIRouter(tags=["Send"])

    @router.post(
        "/send",
        summary="Send a mail",
        response_model=SendAnswer,
        responses=openapi.SEND_RESPONSES,
        openapi_extra=openapi.send_request_body(settings.max_attachments, needs_to=settings.default_to is None),
    )
    async def send(request: Request, record: RecordDep, mail: AllowedMailDep, services: ServicesDep) -> Response:
        """Send one mail to one or more recipients.

        Without an API key, a mail can only go to the recipients of ALLOWED_RECIPIENTS, from a page of ALLOWED_HOSTS.
        The answer comes when the mail server has the mail in its queue; `status_url` then has the delivery's progress.
        """
        replayed = await send_mail(mail, record, services)
        return accepted_response(request, record.message_id or "", redirect=mail.redirect, replayed=replayed)

    return router


async def send_mail(mail: AllowedMail, record: SendRecord, services: Services) -> bool:
    """Send the mail, unless the request is a repetition; return whether it is. The record gets the mail's id.

    Raises:
        ApiError: the mail was not sent, or (OutcomeUnknown) its outcome is unknown.
    """
    new = _new_submission(mail, services.settings)
    record.message_id, record.recipients, record.metadata = new.id, new.recipients, mail.request.metadata
    important = mail.key is not None and mail.key.important
    shortage = await services.quota.admit(len(new.recipients), important=important)
    if shortage and mail.idempotency is None:
        raise shortage
    admitted = 0 if shortage else len(new.recipients)
    with services.quota.storing(admitted):
        repeated = await services.submissions.begin(new, mail.key, mail.idempotency)
    if repeated is not None:
        services.quota.give_back(admitted)
        record.message_id, record.result = repeated, Code.REPLAYED
        return True
    try:
        receipt = await _submit(mail, new, shortage, services, record.form)
    except BaseException as error:
        outcome = outcome_of(error, result_of(error))
        if isinstance(outcome, SubmissionFailed):
            services.quota.give_back(admitted)
        await services.submissions.finish(new.id, outcome)
        raise
    record.queue_id, record.is_accepted = receipt.queue_id, True
    await services.submissions.finish(new.id, SubmissionAccepted(receipt.queue_id))
    return False


def _new_submission(mail: AllowedMail, settings: Settings) -> NewSubmission:
    message_id = new_message_id()
    trace = get_current_span().get_span_context()
    return NewSubmission(
        id=message_id,
        message_id=message_id_header(message_id, settings.mail_domain),
        recipients=mail.request.recipients,
        hidden=mail.request.hidden_recipients,
        key=mail.key.name if mail.key else None,
        tags={name: mask_text(value) for name, value in mail.request.metadata.items()},
        trace_id=f"{trace.trace_id:032x}" if trace.trace_flags.sampled else None,
    )


async def _submit(
    mail: AllowedMail, new: NewSubmission, shortage: QuotaExhausted | None, services: Services, form: str | None
) -> Receipt:
    if shortage:
        raise shortage  # not before: a repetition needs no room
    request, sender = mail.request, mail.sender or services.settings.sender
    with _submit_span(new, services, form) as span:
        stamp = Stamp(new.message_id, datetime.now(UTC), traceparent(span.get_span_context()))
        content = await _build(request, sender, stamp, services)
        span.set_attribute(Attribute.SIZE, len(content))
        started = perf_counter()
        try:
            receipt = await services.submitter.submit(
                Envelope(sender.address, new.recipients, content, international=needs_utf8(request, sender))
            )
        except OutcomeUnknown as error:
            error.message_id = new.id
            raise
        finally:
            services.telemetry.observe_submission(perf_counter() - started)
        if receipt.queue_id:
            span.set_attribute(Attribute.QUEUE_ID, receipt.queue_id)
    return receipt


async def _build(request: SendRequest, sender: Mailbox, stamp: Stamp, services: Services) -> bytes:
    def build() -> bytes:
        return compose(request, sender=sender, stamp=stamp).as_bytes()

    # A megabyte of HTML or text takes up to a second.
    return build() if request.size <= LARGE else await services.in_thread(build)


@contextmanager
def _submit_span(new: NewSubmission, services: Services, form: str | None) -> Iterator[Span]:
    attributes: dict[str, str | int] = {
        Attribute.MESSAGE_ID: new.id,
        Attribute.RECIPIENT_COUNT: len(new.recipients),
        Attribute.RECIPIENT_DOMAIN: domain_of(new.recipients[0]),
        Attribute.SERVER_ADDRESS: services.settings.smtp_host,
        Attribute.SERVER_PORT: services.settings.smtp_port,
    }
    if form is not None:
        attributes[Attribute.FORM] = form
    span = services.telemetry.tracer.start_span(SpanName.SUBMIT, kind=SpanKind.CLIENT, attributes=attributes)
    try:
        yield span
    except BaseException as error:
        span.set_attribute(Attribute.ERROR_TYPE, result_of(error))
        span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        span.end()
