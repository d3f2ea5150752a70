"""The query and the answers of GET /messages/{id}, /messages and /quota, as pydantic models."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from mail_api.error_codes import Code
from mail_api.schemas import status_path
from mail_api.settings import TRACE_ID_PLACE
from mail_ledger.api_keys import KEY_NAME
from mail_ledger.caught_mails import CaughtMail
from mail_ledger.quota import Quota
from mail_ledger.status import MessageStatus, RecipientStatus, Retry, State
from mail_ledger.status_queries import CURSOR, MailFilter, Page
from mail_telemetry.causes import Cause
from mail_telemetry.masking import mask_address
from mail_telemetry.names import Entry

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
