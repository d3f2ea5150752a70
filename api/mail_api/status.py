"""GET /messages/{id}, /messages and /quota: status of mails and of the relay's quota, from the ledger."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self, TypeVar

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from mail_api import openapi
from mail_api.dependencies import KeyRequired, OptionalKeyDep, Services, ServicesDep
from mail_api.errors import Code, LedgerUnavailable, MessageUnknown
from mail_api.ledger_client import LedgerUnreachable
from mail_api.schemas import status_path
from mail_api.settings import TRACE_ID_PLACE
from mail_ledger.api_keys import KEY_NAME
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.caught_mails import CaughtMail
from mail_ledger.quota import Quota
from mail_ledger.status import MessageStatus, RecipientStatus, Retry, State
from mail_ledger.status_queries import CURSOR, MailFilter, Page
from mail_ledger.tables import CaughtState
from mail_telemetry.causes import Cause
from mail_telemetry.masking import mask_address
from mail_telemetry.message_ids import is_message_id
from mail_telemetry.names import Entry

T = TypeVar("T")

_MOST_AT_ONCE: Final = 200
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
# JSON Schema knows no named groups.
_CURSOR: Final = f"^{re.sub(r'[?]P<.+?>', '', CURSOR)}$"


def _not_a_number(value: object) -> object:
    """Refuse a number, which pydantic would read as seconds or milliseconds, depending on its size."""
    if isinstance(value, str) and _DATE.match(value):
        return value
    raise ValueError("is not a time such as 2026-11-22T09:30:00Z")


Since = Annotated[AwareDatetime, BeforeValidator(_not_a_number)]


class ListQuery(BaseModel):
    """Which mails are listed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    state: Annotated[State | None, Field(description="Only mails in this state.")] = None
    since: Annotated[Since | None, Field(description="Only mails accepted since then: ISO 8601 with a zone.")] = None
    key: Annotated[
        str | None, Field(pattern=KEY_NAME, description="Only mails sent with the API key of this name.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=_MOST_AT_ONCE, description="Most mails of the page.")] = 50
    cursor: Annotated[str | None, Field(pattern=_CURSOR, description="`next` of the page before.")] = None

    @property
    def wanted(self) -> MailFilter:
        """The filter as the ledger takes it."""
        return MailFilter(self.state, self.since.timestamp() if self.since else None, self.key)


def _trace_url(template: str | None, trace_id: str | None) -> str | None:
    return template.replace(TRACE_ID_PLACE, trace_id) if template and trace_id else None


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _at_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else _at(seconds)


Time = Annotated[
    datetime, PlainSerializer(lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), when_used="json")
]


class NextRetry(BaseModel):
    """When the mail server tries again: an estimate from its own rule."""

    earliest: Time
    latest: Time

    @classmethod
    def of(cls, retry: Retry) -> Self:
        """Return the ledger's estimate as an answer."""
        return cls(earliest=_at(retry.earliest), latest=_at(retry.latest))


class RecipientAnswer(BaseModel):
    """The mail's state for one recipient; the fields of the last attempt are null before the first one."""

    recipient: str = Field(description="Masked, unless LEDGER_ADDRESSES=full and an API key is shown.")
    state: State
    at: Time | None = Field(description="When the last attempt ended.")
    relay: str | None
    dsn: str | None = Field(description="The enhanced status code (RFC 3463).")
    cause: Cause | None
    reply: str | None = Field(description="The relay's reply, addresses masked.")
    possible_duplicate: bool = Field(
        description="Whether the recipient may have the mail twice: an attempt broke or timed out after the whole mail "
        "was sent, and the mail is sent again. Stays true after a later success."
    )

    @classmethod
    def of(cls, found: RecipientStatus) -> Self:
        """Return the ledger's row as an answer."""
        return cls(
            recipient=found.recipient,
            state=found.state,
            at=_at_or_none(found.ended),
            relay=found.relay,
            dsn=found.dsn,
            cause=found.cause,
            reply=found.reply,
            possible_duplicate=found.possible_duplicate,
        )


class CaughtAnswer(BaseModel):
    """A mail that the honeypot caught."""

    field: str = Field(description="The hidden field that was filled.")
    files: tuple[str, ...] = Field(description="The names of its files, which are not kept.")
    content: Mapping[str, Any] | None = Field(
        description="The fields of the request; for API keys with the right to release alone, and not in lists."
    )


class MessageAnswer(BaseModel):
    """The state of one mail."""

    id: str
    state: State
    status_url: str
    queue_id: str | None = Field(description="Its id in the mail server's queue and log.")
    created: Time = Field(description="When the API accepted it.")
    queued: Time | None = Field(description="When the mail server accepted it.")
    finished: Time | None = Field(description="When it left the queue, or failed before it.")
    attempts: int = Field(description="Number of delivery attempts.")
    code: str | None = Field(description="Why the API could not submit it.")
    cause: Cause | None = Field(description="Why the last attempt failed.")
    retry_can_succeed: bool | None = Field(description="Whether a retry can succeed without a change.")
    next_step: str | None = Field(description="What to do about it.")
    next_retry: NextRetry | None
    gives_up_at: Time | None = Field(description="When the mail server gives up and returns it.")
    possible_duplicate: bool = Field(description="Whether one of the recipients may have the mail twice.")
    recipients: tuple[RecipientAnswer, ...]
    metadata: Mapping[str, str] = Field(description="The tags of the request, addresses masked; with an API key only.")
    key: str | None = Field(description="The name of the API key that sent it; with an API key only.")
    trace_id: str | None
    trace_url: str | None = Field(description="URL of its trace (TRACE_URL_TEMPLATE); with an API key only.")
    caught: CaughtAnswer | None = Field(default=None, description="Of a mail in the state `caught`.")

    @classmethod
    def of(cls, found: MessageStatus, trace_template: str | None) -> Self:
        """Return the ledger's status as an answer."""
        return cls(
            id=found.id,
            state=found.state,
            status_url=status_path(found.id),
            queue_id=found.queue_id,
            created=_at(found.created),
            queued=_at_or_none(found.queued),
            finished=_at_or_none(found.finished),
            attempts=found.attempts,
            code=found.code,
            cause=found.cause,
            retry_can_succeed=found.retry_can_succeed,
            next_step=found.next_step,
            next_retry=NextRetry.of(found.retry) if found.retry else None,
            gives_up_at=_at_or_none(found.gives_up_at),
            possible_duplicate=found.possible_duplicate,
            recipients=tuple(map(RecipientAnswer.of, found.recipients)),
            metadata=found.submission.tags if found.submission else {},
            key=found.submission.key if found.submission else None,
            trace_id=found.trace_id,
            trace_url=_trace_url(trace_template, found.trace_id),
        )

    @classmethod
    def of_caught(cls, found: CaughtMail, *, with_content: bool) -> Self:
        """Return a mail that the honeypot caught and that was not released, as an answer."""
        mailboxes = [one for name in ("to", "cc", "bcc") for one in found.mail.get(name, ())]
        return cls.model_validate(
            {
                **dict.fromkeys(cls.model_fields),
                "id": found.id,
                "state": State.CAUGHT,
                "status_url": status_path(found.id),
                "created": _at(found.caught),
                "attempts": 0,
                "possible_duplicate": False,
                "code": found.code or Code.HONEYPOT,
                "next_step": "Release it, if it is not spam: docs/api-reference.md#caught-mails",
                "recipients": [
                    dict.fromkeys(RecipientAnswer.model_fields)
                    | {
                        "recipient": mask_address(one["address"]),
                        "state": State.CAUGHT,
                        "possible_duplicate": False,
                    }
                    for one in mailboxes
                ],
                "metadata": found.mail.get("metadata", {}),
                "caught": {
                    "field": found.field,
                    "files": found.files,
                    "content": found.mail if with_content else None,
                },
            }
        )

    def without_key(self, *, show_recipients: bool) -> Self:
        """Return what a reader without an API key may see: no tags, key or trace URL, and masked addresses or none."""
        recipients = tuple(
            one.model_copy(update={"recipient": mask_address(one.recipient) if show_recipients else "***"})
            for one in self.recipients
        )
        private: dict[str, Any] = {"metadata": {}, "key": None, "trace_url": None}
        return self.model_copy(update={"recipients": recipients, **private})


class MessagesAnswer(BaseModel):
    """Some mails, newest first."""

    messages: tuple[MessageAnswer, ...]
    next: str | None = Field(description="The `cursor` of the next page; null at the end.")

    @classmethod
    def of(cls, page: Page, trace_template: str | None) -> Self:
        """Return the ledger's page as an answer."""
        return cls(messages=tuple(MessageAnswer.of(one, trace_template) for one in page.messages), next=page.cursor)


class QuotaAnswer(BaseModel):
    """The relay's daily quota: an estimate, since the relay does not publish its own count."""

    limit: int = Field(description="Recipients in 24 hours (SMTP_RELAY_DAILY_LIMIT).")
    used: int
    used_by_entry: Mapping[Entry, int] = Field(description="The same by where the mails came in.")
    forwarded: int = Field(description="How many of them were forwarded to you.")
    in_queue: int = Field(description="Recipients of mails in the queue.")
    remaining: int
    reserve: int = Field(description="Part of the limit for API keys marked important (QUOTA_RESERVE).")
    exhausted: bool
    exhausted_until: Time | None
    next_release: Time | None = Field(description="When the oldest recipient stops counting.")
    estimated_exhaustion: Time | None = Field(description="When nothing is left at the rate of the last hour.")

    @classmethod
    def of(cls, quota: Quota, reserve: int) -> Self:
        """Return the ledger's snapshot as an answer."""
        return cls(
            limit=quota.limit,
            used=quota.used,
            used_by_entry=quota.used_by_entry,
            forwarded=quota.forwarded,
            in_queue=quota.in_queue,
            remaining=quota.remaining,
            reserve=reserve,
            exhausted=quota.exhausted,
            exhausted_until=_at_or_none(quota.exhausted_until),
            next_release=_at_or_none(quota.next_release),
            estimated_exhaustion=_at_or_none(quota.estimated_exhaustion),
        )


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
