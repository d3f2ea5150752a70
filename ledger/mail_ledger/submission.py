"""What the API handed to the mail server, or tried to: the words for it, and its rows in and out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import RowMapping

DAY_SECONDS: Final = 86_400.0


class SubmissionState(StrEnum):
    """How far a submission came; what became of the mail afterwards tells the log."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A mail that is about to be handed to the mail server, under an id and a Message-ID that stay."""

    id: str
    message_id: str
    recipients: tuple[str, ...]
    """Whole addresses; the ledger masks them."""
    hidden: tuple[str, ...] = ()
    """Those of `recipients` that the others must not see (bcc)."""
    key: str | None = None
    """The name of the API key; None is a caller without one."""
    tags: Mapping[str, str] = field(default_factory=dict)
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission as the ledger has it; times are Unix seconds."""

    id: str
    message_id: str
    state: SubmissionState
    code: str | None
    """Why it failed or is unknown, in the API's words."""
    queue_id: str | None
    created: float
    finished: float | None
    key: str | None
    recipients: tuple[str, ...]
    recipient_count: int
    tags: Mapping[str, str]
    trace_id: str | None
    hidden: tuple[str, ...] | None = None
    """Recipients of bcc; None when an older version stored the submission."""


class Accepted(NamedTuple):
    """The mail server said 250."""

    queue_id: str | None


class Failed(NamedTuple):
    """The mail was certainly not accepted."""

    code: str


class OutcomeUnknown(NamedTuple):
    """The whole mail was sent and no answer came."""

    code: str


Outcome = Accepted | Failed | OutcomeUnknown


class KeyLimitReached(NamedTuple):
    """The key's recipients of the last 24 hours leave no room; `retry_at` is None when they never will."""

    limit: int
    used: int
    retry_at: float | None


class Lease(NamedTuple):
    """For how long the ledger believes what has no end, in seconds."""

    pending: float = 180.0
    """A submission takes at most a minute or two (SMTP_RETRY_SECONDS and the wait for the reply): the process died."""
    grace: float = 60.0
    """How much younger the log's newest mail must be before a mail that is not in it was never accepted."""
    idempotency: float = DAY_SECONDS
    """How long a repetition gets the first answer."""


def submission_of(row: RowMapping, now: float, lease: Lease) -> Submission:
    """Return the row's submission; one that is pending for longer than its lease is unknown."""
    state = SubmissionState(row["state"])
    is_orphan = state is SubmissionState.PENDING and row["created"] + lease.pending <= now
    return Submission(
        id=row["id"],
        message_id=row["message_id"],
        state=SubmissionState.UNKNOWN if is_orphan else state,
        code="interrupted" if is_orphan else row["code"],
        queue_id=row["queue_id"],
        created=row["created"],
        finished=row["finished"],
        key=row["key_name"],
        recipients=tuple(row["recipients"]),
        recipient_count=row["recipient_count"],
        hidden=None if row["hidden"] is None else tuple(row["hidden"]),
        tags=row["tags"],
        trace_id=row["trace_id"],
    )
