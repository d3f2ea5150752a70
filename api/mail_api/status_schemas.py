"""What GET /messages and /quota answer: the ledger's words as JSON, times in ISO 8601."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, PlainSerializer

from mail_api.links import status_url, trace_url
from mail_ledger.backoff import Retry
from mail_ledger.messages import Page
from mail_ledger.quota import Quota
from mail_ledger.recipients import RecipientStatus
from mail_ledger.state import State
from mail_ledger.status import MessageStatus
from mail_telemetry.causes import Cause
from mail_telemetry.masking import mask_address
from mail_telemetry.names import Entry


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _at_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else _at(seconds)


def _masked(address: str) -> str:
    return address if "***@" in address else mask_address(address)


Time = Annotated[
    datetime, PlainSerializer(lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), when_used="json")
]


class NextRetry(BaseModel):
    """Between when and when the mail server tries again: an estimate from its own rule."""

    earliest: Time
    latest: Time

    @classmethod
    def of(cls, retry: Retry) -> Self:
        """Return the ledger's estimate as an answer."""
        return cls(earliest=_at(retry.earliest), latest=_at(retry.latest))


class RecipientAnswer(BaseModel):
    """What became of the mail for one recipient; what the last attempt said is null before there was one."""

    recipient: str = Field(description="Masked, unless LEDGER_ADDRESSES=full and an API key is shown.")
    state: State
    at: Time | None = Field(description="When the last attempt ended.")
    relay: str | None
    dsn: str | None = Field(description="The enhanced status code (RFC 3463).")
    cause: Cause | None
    reply: str | None = Field(description="The relay's own words, its id of the mail in them; addresses masked.")

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
        )


class MessageAnswer(BaseModel):
    """What became of one mail."""

    id: str
    state: State
    status_url: str
    queue_id: str | None = Field(description="Its id in the mail server's queue and log.")
    created: Time = Field(description="When the API took it.")
    queued: Time | None = Field(description="When the mail server took it.")
    finished: Time | None = Field(description="When it left the queue, or failed before it.")
    attempts: int = Field(description="How often it was tried.")
    code: str | None = Field(description="Why the API could not hand it over.")
    cause: Cause | None = Field(description="Why the last attempt failed.")
    retry_can_succeed: bool | None = Field(description="Whether waiting can help without somebody doing something.")
    next_step: str | None = Field(description="What somebody can do about it.")
    next_retry: NextRetry | None
    gives_up_at: Time | None = Field(description="From when on the mail server returns it instead of waiting.")
    recipients: tuple[RecipientAnswer, ...]
    metadata: Mapping[str, str] = Field(
        description="The tags that came with it, addresses masked; for holders of an API key."
    )
    key: str | None = Field(description="The name of the API key that sent it; for holders of a key.")
    trace_id: str | None
    trace_url: str | None = Field(description="Where its trace can be looked at (TRACE_URL_TEMPLATE).")

    @classmethod
    def of(cls, found: MessageStatus, trace_template: str | None) -> Self:
        """Return the ledger's findings as an answer."""
        return cls(
            id=found.id,
            state=found.state,
            status_url=status_url(found.id),
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
            recipients=tuple(map(RecipientAnswer.of, found.recipients)),
            metadata=found.submission.tags if found.submission else {},
            key=found.submission.key if found.submission else None,
            trace_id=found.trace_id,
            trace_url=trace_url(trace_template, found.trace_id),
        )

    def for_anybody(self) -> Self:
        """Return what whoever knows the id may see: every recipient of the mail does, by its Message-ID.

        Addresses are masked, tags and key left out; of a mail that was sent with a key, which may have hidden
        recipients, only their number stays.
        """
        shown = [one.model_copy(update={"recipient": _masked(one.recipient)}) for one in self.recipients]
        hidden = [one.model_copy(update={"recipient": "***"}) for one in self.recipients]
        recipients = tuple(shown if self.key is None else hidden)
        return self.model_copy(update={"recipients": recipients, "metadata": {}, "key": None})


class MessagesAnswer(BaseModel):
    """Some mails, newest first."""

    messages: tuple[MessageAnswer, ...]
    next: str | None = Field(description="The `cursor` of the next page; null at the end.")

    @classmethod
    def of(cls, page: Page, trace_template: str | None) -> Self:
        """Return the ledger's page as an answer."""
        return cls(messages=tuple(MessageAnswer.of(one, trace_template) for one in page.messages), next=page.cursor)


class QuotaAnswer(BaseModel):
    """How much the relay still takes: an estimate, since the relay tells nobody its own count."""

    limit: int = Field(description="Recipients in 24 hours (SMTP_RELAY_DAILY_LIMIT).")
    used: int
    used_by_entry: Mapping[Entry, int] = Field(description="The same, by where the mails came in.")
    forwarded: int = Field(description="How many of them were forwarded to you.")
    in_queue: int = Field(description="Recipients of mails that still wait.")
    remaining: int
    reserve: int = Field(description="What of it only keys marked important may use (QUOTA_RESERVE).")
    exhausted: bool
    exhausted_until: Time | None
    next_release: Time | None = Field(description="When the oldest recipient stops counting.")
    estimated_exhaustion: Time | None = Field(description="When nothing is left, at the rate of the last hour.")

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
