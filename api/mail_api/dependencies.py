"""FastAPI dependencies: the checks that a request passes, in their order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from mail_api.access import AccessRules
from mail_api.addresses import Mailbox
from mail_api.captcha import CaptchaToken
from mail_api.error_codes import Code, result_of
from mail_api.errors import (
    CaptchaFailed,
    CaptchaMissing,
    CaptchaUnavailable,
    HoneypotFilled,
    KeyInvalid,
    KeyRightMissing,
    KeyUnverifiable,
    OriginNotAllowed,
    RecipientNotAllowed,
    RedirectNotAllowed,
    SenderNotAllowed,
    TooManyLinks,
)
from mail_api.form_fields import REDIRECT, sort_fields
from mail_api.request_body import FORMS, BodyMemory, media_type_of, parse_body, read_body, wants_json
from mail_api.request_log import set_log_line
from mail_api.responses import AnswerTexts, set_texts
from mail_api.schemas import SendRequest, parse_send_request
from mail_api.services import Services, ServicesDep, access_of, form_of
from mail_api.spam_checks import Caught, check_captcha, check_fields
from mail_api.submissions import IDEMPOTENCY_HEADER, Idempotency
from mail_ledger.api_keys import ApiKey
from mail_telemetry.masking import mask_address, mask_text
from mail_telemetry.names import Attribute, LogLine

T = TypeVar("T")

LARGE: Final = 20_000
"""Bytes and characters from which a mail is parsed and built in a thread."""


_BEARER = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer dm_...`")


@dataclass(slots=True)
class SendRecord:
    """Data about a request to send, for its metric and its log line."""

    message_id: str | None = None
    queue_id: str | None = None
    recipients: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    form: str | None = None
    """The form's name, for a request to a form that has a file."""
    result: Code = Code.ACCEPTED
    is_accepted: bool = False
    """Whether the mail server accepted the mail; a later error does not change the result."""


async def record_request(request: Request, services: ServicesDep) -> AsyncIterator[SendRecord]:
    """Count a request to send, and describe its outcome in the log, exactly once, however it ends."""
    rules = form_of(request, services)
    record, reason = SendRecord(form=rules.form.name if rules else None), ""
    try:
        yield record
    except BaseException as error:
        record.result = Code.ACCEPTED if record.is_accepted else result_of(error)
        if isinstance(error, HoneypotFilled):
            record.message_id = error.message_id
        reason = mask_text(str(error)) if record.result is not Code.INTERNAL_ERROR else ""
        raise
    finally:
        services.telemetry.count_message(record.result, record.form)
        fields = {
            Attribute.RESULT: record.result,
            Attribute.FORM: record.form,
            Attribute.MESSAGE_ID: record.message_id,
            Attribute.QUEUE_ID: record.queue_id,
            Attribute.RECIPIENT: mask_address(record.recipients[0]) if record.recipients else None,
            Attribute.RECIPIENT_COUNT: len(record.recipients),
            Attribute.METADATA: {name: mask_text(value) for name, value in record.metadata.items()},
            "reason": reason,
        }
        known = {name: value for name, value in fields.items() if value not in (None, "", 0, {})}
        is_accepted = record.result is Code.ACCEPTED
        set_log_line(request, LogLine.ACCEPTED if is_accepted else LogLine.NOT_ACCEPTED, known)


# Scope "function": the code after `yield` runs before the answer is sent, in this dependency and the next one.
RecordDep = Annotated[SendRecord, Depends(record_request, scope="function")]


async def limit_concurrency(services: ServicesDep) -> AsyncIterator[BodyMemory]:
    """Count the request in progress until it ends.

    Raises:
        TooManyRequests: MAX_CONCURRENT_REQUESTS are in progress.
    """
    with services.capacity.request() as memory:
        yield memory


MemoryDep = Annotated[BodyMemory, Depends(limit_concurrency, scope="function")]


async def identify(request: Request, services: ServicesDep) -> ApiKey | None:
    """Return the API key of the request, or None.

    Raises:
        KeyInvalid: the request has a key that is not valid; it counts towards the client's rate limit.
        KeyUnverifiable: the ledger is unavailable.
    """
    try:
        return await services.api_keys.identify(request.scope)
    except KeyInvalid:
        services.telemetry.count_invalid_key(request.scope["route"].path)
        await services.rate_limiter.check(services.clients.of(request))
        raise


async def optional_key(request: Request, services: ServicesDep) -> ApiKey | None:
    """Return the valid API key of the request, or None, also while the ledger is unavailable.

    Raises:
        KeyInvalid: the request has a key that is not valid.
    """
    try:
        return await identify(request, services)
    except KeyUnverifiable:
        return None


OptionalKeyDep = Annotated[ApiKey | None, Depends(optional_key)]


async def require_key(request: Request, services: ServicesDep) -> ApiKey:
    """Return the valid API key of the request, and count the request against the key's limit.

    Raises:
        KeyInvalid: the request has no valid key.
        KeyUnverifiable: the ledger is unavailable.
        KeyRateLimited: the key has reached its requests per minute.
    """
    key = await identify(request, services)
    if key is None:
        raise KeyInvalid
    await services.api_keys.count_request(key)
    return key


KeyRequired = [Security(_BEARER), Depends(require_key)]
"""Dependencies of paths that need an API key; the first one describes it in OpenAPI."""


async def require_release_key(key: Annotated[ApiKey, Depends(require_key)]) -> None:
    """Accept a request with an API key that may read and release caught mails.

    Raises:
        KeyRightMissing: the key does not have this right.
    """
    if not key.may_release:
        raise KeyRightMissing


ReleaseKeyRequired = [Security(_BEARER), Depends(require_release_key)]
"""Dependencies of paths that release caught mails."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller: an API key, or anonymous. `unverified` is set if the request's key could not be verified."""

    key: ApiKey | None = None
    unverified: KeyUnverifiable | None = None

    @contextmanager
    def report_unverified(self) -> Iterator[None]:
        """Report key_unverifiable where a verified key might have been allowed more."""
        try:
            yield
        except (
            OriginNotAllowed,
            RecipientNotAllowed,
            TooManyLinks,
            CaptchaMissing,
            CaptchaFailed,
            CaptchaUnavailable,
        ):
            if self.unverified is None:
                raise
            raise self.unverified from None


async def check_caller(request: Request, services: ServicesDep) -> Caller:
    """Return the caller, whose API key, or whose origin and client address, allow this request.

    Raises:
        KeyInvalid, KeyRateLimited: the key is not valid, or has reached its limit.
        KeyUnverifiable: the key could not be verified, and the request has an Idempotency-Key.
        OriginNotAllowed, RateLimited: a caller without a key, from another site, or too often.
    """
    try:
        key = await identify(request, services)
    except KeyUnverifiable as error:
        if IDEMPOTENCY_HEADER in request.headers:
            raise  # the idempotency keys of an API key are separate from those of anonymous callers
        caller = Caller(unverified=error)
    else:
        caller = Caller(key)
    if caller.key is not None:
        await services.api_keys.count_request(caller.key)
        return caller
    with caller.report_unverified():
        access_of(request, services).check_origin(request.headers.getlist("origin"))
    client = services.clients.of(request)
    if services.rate_limiter.is_on:
        services.shared_address.count(client)
    await services.rate_limiter.check(client)
    return caller


CallerDep = Annotated[Caller, Depends(check_caller)]


@dataclass(frozen=True, slots=True)
class AllowedMail:
    """A mail that its caller may send."""

    request: SendRequest
    key: ApiKey | None = None
    sender: Mailbox | None = None
    """From, where the caller's key may choose it."""
    idempotency: Idempotency | None = None
    redirect: str | None = None
    """The page after a success, for a form that names one."""
    captcha: CaptchaToken | None = None
    """The captcha token of a caller without a key."""


async def read_mail(request: Request, services: ServicesDep, memory: MemoryDep, caller: CallerDep) -> AllowedMail:
    """Read the body, which is the last check, and return the mail that it asks for.

    Raises:
        ApiError: the body is not readable, or the mail is not allowed.
    """
    return await read_request(
        request, services, memory, caller, lambda body: _parse_mail(request, body, caller, services)
    )


async def read_request(
    request: Request,
    services: Services,
    memory: BodyMemory,
    caller: Caller,
    parse: Callable[[bytes], Coroutine[Any, Any, AllowedMail | Caught]],
) -> AllowedMail:
    """Read the body and return what `parse` makes of it, after the spam checks; a large body is parsed in a thread.

    Raises:
        ApiError: the body is not readable, or the mail is not allowed.
    """
    settings = services.settings
    body = await read_body(request, memory, settings.max_request_bytes, settings.request_timeout_seconds)
    if len(body) <= LARGE:
        read = await parse(body)
    else:
        # Parsing takes up to 25 ms per megabyte, and would delay all other requests.
        read = await services.in_thread(lambda: asyncio.run(parse(body)))
    if isinstance(read, Caught):
        raise await services.caught_mails.keep(read.error, read.mail)
    await check_captcha(read.captcha, read.idempotency, caller, services, access_of(request, services))
    return read


async def _parse_mail(request: Request, body: bytes, caller: Caller, services: Services) -> AllowedMail | Caught:
    settings = services.settings
    payload = await parse_body(body, request.headers)
    fields = sort_fields(
        payload,
        settings.honeypot_fields,
        is_form=media_type_of(request.headers) in FORMS,
        # Only without a key, where recipients are limited to ALLOWED_RECIPIENTS: a caller with a key names its fields.
        is_automatic=settings.append_form_fields and caller.key is None,
    )
    set_texts(request, AnswerTexts(ignored=fields.ignored))
    redirect = requested_page(request, payload, services.access)

    def build() -> SendRequest:
        found = parse_send_request(fields.payload(), settings.max_attachments, settings.max_attachment_bytes)
        if caller.key is None:
            with caller.report_unverified():
                services.access.check_recipients(found)
        return services.access.with_default_to(found)

    mail = check_fields(payload, caller, services, build, redirect)
    if isinstance(mail, Caught):
        return mail
    idempotency = Idempotency.of(request.headers.get(IDEMPOTENCY_HEADER), caller.key, mail)
    sender = _sender(mail, caller.key)
    if sender is not None:
        mail = mail.model_copy(update={"from_": None})  # the address becomes From, not Reply-To
    return AllowedMail(mail, caller.key, sender, idempotency, redirect, services.captcha.token(payload))


AllowedMailDep = Annotated[AllowedMail, Depends(read_mail)]


def requested_page(request: Request, payload: Mapping[str, Any], access: AccessRules) -> str | None:
    """Return the page after a success that a form names in its field `redirect`, or None.

    Raises:
        RedirectNotAllowed: the page is not on an allowed site.
    """
    wanted = payload.get(REDIRECT)
    if wanted in (None, "") or media_type_of(request.headers) not in FORMS:
        return None
    if not isinstance(wanted, str) or not access.allows_page(wanted):
        raise RedirectNotAllowed
    return None if wants_json(request.headers) else wanted


def _sender(mail: SendRequest, key: ApiKey | None) -> Mailbox | None:
    """Return the From of a mail whose API key has senders of its own; None stands for DEFAULT_FROM."""
    if key is None or not key.allowed_senders or mail.from_ is None:
        return None
    if not key.allows_sender(mail.from_.address):
        raise SenderNotAllowed
    return Mailbox(mail.from_.address, mail.from_.name or mail.from_name or "")
