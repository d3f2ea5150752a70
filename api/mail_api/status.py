"""GET /messages/{id}, /messages and /quota: status of mails and of the relay's quota, from the ledger."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query, Response

from mail_api import openapi
from mail_api.dependencies import KeyRequired, OptionalKeyDep
from mail_api.errors import LedgerUnavailable, MessageUnknown
from mail_api.ledger_client import LedgerUnreachable
from mail_api.services import Services, ServicesDep
from mail_api.status_schemas import ListQuery, MessageAnswer, MessagesAnswer, QuotaAnswer
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.caught_mails import CaughtMail
from mail_ledger.status import MessageStatus, State
from mail_ledger.tables import CaughtState
from mail_telemetry.message_ids import is_message_id

T = TypeVar("T")

router = APIRouter()


@router.get(
    "/messages/{message_id}",
    tags=["Status"],
    summary="Get the status of a mail",
    responses=openapi.MESSAGE_RESPONSES,
)
async def get_message(
    message_id: Annotated[str, Path(description="The `id` of the answer to POST /send.")],
    response: Response,
    key: OptionalKeyDep,
    services: ServicesDep,
) -> MessageAnswer:
    """Get the outcome of a mail: its state for each recipient, the relay's reply, and when it is tried again.

    No API key is needed, since the id cannot be guessed. But every recipient can read the id in the Message-ID: without
    an API key the answer leaves out recipients of `bcc`, tags, key and trace URL, and has masked addresses; for a
    mail that was sent with a key it has no addresses. It is usually less than two seconds old. A mail that the honeypot
    caught has a status for callers with an API key only; once released, it has the status of the mail that was sent.
    """
    _forbid_caching(response)
    found = caught = None
    if is_message_id(message_id):
        found = await _read(services, lambda ledger: ledger.statuses.get(message_id, with_hidden=key is not None))
    if found is None and key is not None:
        found, caught = await _read(services, lambda ledger: _released_or_caught(ledger, message_id))
    if caught is not None and key is not None:
        return MessageAnswer.of_caught(caught, with_content=key.may_release)
    if found is None:
        raise MessageUnknown
    answer = MessageAnswer.of(found, services.settings.trace_url_template)
    if key is not None:
        return answer
    is_public = found.submission is not None and found.submission.key is None and found.submission.hidden is not None
    return answer.without_key(show_recipients=is_public)


@router.get(
    "/messages",
    tags=["Status"],
    summary="List mails",
    dependencies=KeyRequired,
    responses=openapi.MESSAGES_RESPONSES,
)
async def list_messages(
    query: Annotated[ListQuery, Query()], response: Response, services: ServicesDep
) -> MessagesAnswer:
    """List mails, newest first. A page may be short or empty before the last one, whose `next` is null.

    `state=caught` lists what the honeypot caught and was not released, in one page; other lists leave it out.
    """
    _forbid_caching(response)
    if query.state is State.CAUGHT:
        return await _caught_mails(query, services)
    page = await _read(
        services, lambda ledger: ledger.statuses.page(query.wanted, cursor=query.cursor, limit=query.limit)
    )
    return MessagesAnswer.of(page, services.settings.trace_url_template)


@router.get(
    "/quota",
    tags=["Quota"],
    summary="Get the relay's remaining quota",
    dependencies=KeyRequired,
    responses=openapi.QUOTA_RESPONSES,
)
async def get_quota(response: Response, services: ServicesDep) -> QuotaAnswer:
    """Get how many recipients the relay still accepts: an estimate from the mail server's own log."""
    _forbid_caching(response)
    try:
        return QuotaAnswer.of(await services.quota.read(), services.settings.quota_reserve)
    except LedgerUnreachable:
        raise LedgerUnavailable from None


async def _caught_mails(query: ListQuery, services: Services) -> MessagesAnswer:
    since = query.since.timestamp() if query.since else 0.0
    found = await _read(services, lambda ledger: ledger.caught_mails.newest(since))
    # Only mails of callers without a key are kept.
    waiting = [one for one in found if one.state is not CaughtState.RELEASED and query.key is None]
    answers = (MessageAnswer.of_caught(one, with_content=False) for one in waiting[: query.limit])
    return MessagesAnswer(messages=tuple(answers), next=None)


def _released_or_caught(ledger: ApiLedger, message_id: str) -> tuple[MessageStatus | None, CaughtMail | None]:
    """Return the mail that a caught mail was released as, or else the caught mail itself."""
    caught = ledger.caught_mails.get(message_id)
    if caught is None or caught.released_as is None:
        return None, caught
    return ledger.statuses.get(caught.released_as), None


async def _read(services: Services, read: Callable[[ApiLedger], T]) -> T:
    try:
        return await services.ledger.call("status", read)
    except LedgerUnreachable:
        raise LedgerUnavailable from None


def _forbid_caching(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
