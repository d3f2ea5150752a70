"""Release of caught mails: POST /messages/{id}/release, and releases that `mail-ledger caught release` requested.

    request (ledger) ──▶ send_mail ──▶ released (ledger)

Each mail is sent once, also after a crash: the release has an idempotency key of its own, and a mail whose release is
requested is tried again until its outcome is certain.
"""

import time
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Path, Request
from loguru import logger
from starlette.responses import Response

from mail_api import openapi
from mail_api.caught_mails import request_of
from mail_api.dependencies import AllowedMail, ReleaseKeyRequired, SendRecord
from mail_api.error_codes import Code, answer_to
from mail_api.errors import ApiError, LedgerUnavailable, MessageUnknown, OutcomeUnknown, QuotaExhausted, RequestInFlight
from mail_api.ledger_client import LedgerUnreachable
from mail_api.responses import accepted_response
from mail_api.schemas import SendAnswer
from mail_api.send import send_mail
from mail_api.services import Services, ServicesDep
from mail_api.submissions import Idempotency
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.caught_mails import CaughtMail
from mail_ledger.group_commit import Write
from mail_ledger.idempotency import IdempotencyKey
from mail_ledger.submissions import Submission
from mail_ledger.tables import CaughtState, SubmissionState
from mail_telemetry.message_ids import is_message_id
from mail_telemetry.names import Attribute

T = TypeVar("T")

_SCOPE: Final = "caught"
"""The scope of the idempotency keys of releases."""
_OWN_SECONDS: Final = 180.0
"""How long a request has to release a mail itself, before the maintenance does it."""
_RETRY_SECONDS: Final = 60.0
_LONGEST_RETRY_SECONDS: Final = 3600.0
_SERVER_ERROR: Final = 500

router = APIRouter()


@router.post(
    "/messages/{message_id}/release",
    tags=["Status"],
    summary="Release a caught mail",
    dependencies=ReleaseKeyRequired,
    response_model=SendAnswer,
    responses=openapi.RELEASE_RESPONSES,
)
async def post_release(
    message_id: Annotated[str, Path(description="The id of the caught mail, as the log and the list show it.")],
    request: Request,
    services: ServicesDep,
) -> Response:
    """Send a mail that the honeypot caught, once.

    The answer has the id of the mail that was sent; a repeated request gets the same answer. It needs an API key with
    the right to release.
    """
    found = await _requested(message_id, services)
    try:
        released_as, replayed = await release(found, services)
    except ApiError as error:
        if not isinstance(error, (OutcomeUnknown, RequestInFlight, LedgerUnavailable)):
            code = answer_to(error).code
            await _store(services, lambda ledger: ledger.caught_mails.failed_write(found.id, code, None))
        raise
    return accepted_response(request, released_as, replayed=replayed)


async def release_requested(services: Services) -> bool:
    """Release the mails whose release is due; return whether the ledger could be read."""
    try:
        due = await services.ledger.call("release", lambda ledger: ledger.caught_mails.due())
    except LedgerUnreachable:
        return False
    for found in due:
        try:
            await release(found, services)
        except Exception as error:  # noqa: BLE001 - one mail must not stop the others
            await _store_failure(found, error, services)
    return True


async def release(found: CaughtMail, services: Services) -> tuple[str, bool]:
    """Send a caught mail, unless it was sent before; return the id of the sent mail, and whether it was sent before.

    Raises:
        ApiError: it was not sent, or its outcome is not known yet.
    """
    if found.state is CaughtState.RELEASED and found.released_as:
        return found.released_as, True
    payload_hash = f"caught:{found.id}"
    earlier = await _read(services, lambda ledger: ledger.caught_mails.earlier_release(payload_hash))
    if earlier is None:
        mail = request_of(found)
        of_forms = [mailbox for rules in services.forms.values() for mailbox in rules.form.file.to]
        services.access.with_recipients(of_forms).check_recipients(mail)
        record = SendRecord()
        key = Idempotency(IdempotencyKey(_SCOPE, found.id), payload_hash, is_required=True)
        replayed = await send_mail(AllowedMail(mail, idempotency=key), record, services)
        released_as = record.message_id or ""
    else:
        released_as, replayed = _id_of(earlier), True
    await _store(services, lambda ledger: ledger.caught_mails.released_write(found.id, released_as))
    services.telemetry.count_caught_mail("released")
    logger.bind(**{Attribute.MESSAGE_ID: released_as, "caught_id": found.id}).info("caught mail released")
    return released_as, replayed


def _id_of(earlier: Submission) -> str:
    """Return the id of an earlier release, if it was accepted.

    Raises:
        RequestInFlight, OutcomeUnknown: it is not known yet whether it was.
    """
    if earlier.state is SubmissionState.PENDING:
        raise RequestInFlight
    if earlier.state is SubmissionState.UNKNOWN:
        raise OutcomeUnknown(earlier.id)
    return earlier.id


async def _requested(message_id: str, services: Services) -> CaughtMail:
    """Return the caught mail, whose release is stored as requested.

    Raises:
        MessageUnknown: there is no caught mail with this id.
        LedgerUnavailable: it cannot be read.
    """
    found = None
    if is_message_id(message_id):
        found = await _read(services, lambda ledger: ledger.caught_mails.request(message_id, _OWN_SECONDS))
    if found is None:
        raise MessageUnknown
    return found


async def _store_failure(found: CaughtMail, error: Exception, services: Services) -> None:
    code = answer_to(error).code
    wait = _wait(error)
    retry_at = None if wait is None else time.time() + wait
    fields = {Attribute.RESULT: code, Attribute.ERROR_TYPE: type(error).__name__, "retry_in_seconds": wait}
    logger.bind(caught_id=found.id, **fields).warning("caught mail not released")
    await _store(services, lambda ledger: ledger.caught_mails.failed_write(found.id, code, retry_at))


def _wait(error: Exception) -> float | None:
    """Return after how many seconds a release is tried again; None: it cannot succeed without a change."""
    answer = answer_to(error)
    if isinstance(error, QuotaExhausted):
        return min(max(float(error.retry_after or 0), _RETRY_SECONDS), _LONGEST_RETRY_SECONDS)
    is_temporary = answer.status >= _SERVER_ERROR and answer.code is not Code.SENDER_REFUSED
    return _RETRY_SECONDS if is_temporary or isinstance(error, (OutcomeUnknown, RequestInFlight)) else None


async def _read(services: Services, use: Callable[[ApiLedger], T]) -> T:
    try:
        return await services.ledger.call("release", use)
    except LedgerUnreachable:
        raise LedgerUnavailable from None


async def _store(services: Services, plan: Callable[[ApiLedger], Write[None]]) -> None:
    """Store the outcome of a release; if the ledger is unavailable, the maintenance looks it up later."""
    try:
        await services.ledger.write("release", plan)
    except LedgerUnreachable:
        logger.warning("the outcome of a release was not stored; it is looked up again")
