"""Submissions: record each mail before it is sent to the mail server, and the outcome after it.

begin (pending) ──▶ SMTP ──▶ finish (accepted, failed or unknown)
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, bindparam, insert, select, update

from mail_ledger.engine import reading
from mail_ledger.group_commit import Write, write_alone
from mail_ledger.key_limits import KeyLimitReached, key_limit_reached, lock_key
from mail_ledger.tables import DAY_SECONDS, SubmissionState, is_unfinished, submission
from mail_telemetry.masking import mask_address


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A mail that is about to be sent to the mail server; its id and Message-ID do not change afterwards."""

    id: str
    message_id: str
    recipients: tuple[str, ...]
    """Full addresses; the ledger masks them."""
    hidden: tuple[str, ...] = ()
    """The bcc recipients among them."""
    key: str | None = None
    """The name of the API key; None: a caller without a key."""
    tags: Mapping[str, str] = field(default_factory=dict)
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission as stored in the ledger; times are Unix seconds."""

    id: str
    message_id: str
    state: SubmissionState
    code: str | None
    """Why it failed or is unknown: an error code of the API."""
    queue_id: str | None
    created: float
    finished: float | None
    key: str | None
    recipients: tuple[str, ...]
    recipient_count: int
    tags: Mapping[str, str]
    trace_id: str | None
    hidden: tuple[str, ...] | None = None
    """The bcc recipients; None when an older version stored the submission."""


class SubmissionAccepted(NamedTuple):
    """The mail server replied 250."""

    queue_id: str | None


class SubmissionFailed(NamedTuple):
    """The mail was certainly not accepted."""

    code: str


class SubmissionUnknown(NamedTuple):
    """The whole mail was sent and no reply came."""

    code: str


SubmissionOutcome = SubmissionAccepted | SubmissionFailed | SubmissionUnknown


class TimeLimits(NamedTuple):
    """Time limits of submissions, in seconds."""

    pending: float = 180.0
    """After this, a pending submission counts as unknown: its process died. One takes at most a minute or two
    (SMTP_RETRY_SECONDS and the wait for the reply)."""
    grace: float = 60.0
    """How much later the newest mail of the log must have arrived before a mail that is not logged counts as failed."""
    idempotency: float = DAY_SECONDS
    """How long an idempotency key is kept."""


def submission_of(row: RowMapping, now: float, limits: TimeLimits) -> Submission:
    """Return the row's submission; one that is pending for too long is unknown, with the code `interrupted`."""
    state = SubmissionState(row["state"])
    is_interrupted = state is SubmissionState.PENDING and row["created"] + limits.pending <= now
    return Submission(
        id=row["id"],
        message_id=row["message_id"],
        state=SubmissionState.UNKNOWN if is_interrupted else state,
        code="interrupted" if is_interrupted else row["code"],
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


class SubmissionStore:
    """The submissions in the ledger.

    Args:
        engine: the ledger's.
        mask: returns the form in which an address is stored (LEDGER_ADDRESSES).
        limits: the time limits of submissions.
        now: returns the Unix time.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        mask: Callable[[str], str] = mask_address,
        limits: TimeLimits = TimeLimits(),  # noqa: B008 - immutable
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._mask = mask
        self._limits = limits
        self._now = now
        self._insert = insert(submission)
        self._update = update(submission).where(submission.c.id == bindparam("of"), is_unfinished)

    def begin(self, new: NewSubmission, key_limit: int | None = None) -> KeyLimitReached | None:
        """Store the mail as pending, or return how it exceeds its API key's limit.

        Args:
            new: the mail; nothing of it has been sent yet.
            key_limit: recipients of its API key in 24 hours; exact over all replicas.

        Raises:
            LedgerError: nothing was stored.
        """
        return write_alone(self._engine, self.begin_write(new, key_limit))

    def begin_write(self, new: NewSubmission, key_limit: int | None = None) -> Write[KeyLimitReached | None]:
        """Return the write of `begin`, to be stored in a group."""
        now = self._now()

        def store(connection: Connection) -> KeyLimitReached | None:
            lock_key(connection, new.key, key_limit)
            if reached := exceeded_limit(connection, new, key_limit, now):
                return reached
            connection.execute(self._insert, self.row(new, now))
            return None

        return Write("store the submission", store, alone=key_limit is not None)

    def finish(self, submission_id: str, outcome: SubmissionOutcome) -> None:
        """Store the outcome. A failure releases the idempotency key; an unknown outcome keeps it.

        Raises:
            LedgerError: nothing was stored; the outcome becomes unknown after `TimeLimits.pending`.
        """
        write_alone(self._engine, self.finish_write(submission_id, outcome))

    def finish_write(self, submission_id: str, outcome: SubmissionOutcome) -> Write[None]:
        """Return the write of `finish`, to be stored in a group."""
        changed: dict[str, Any] = {"finished": self._now()}
        match outcome:
            case SubmissionAccepted(queue_id):
                changed |= {"state": SubmissionState.ACCEPTED, "queue_id": queue_id, "code": None}
            case SubmissionFailed(code):
                changed |= {"state": SubmissionState.FAILED, "code": code, "idempotency_key": None}
            case _:
                changed |= {"state": SubmissionState.UNKNOWN, "code": outcome.code}

        def store(connection: Connection) -> None:
            connection.execute(self._update, {"of": submission_id, **changed})

        return Write("store the outcome", store)

    def get(self, submission_id: str) -> Submission | None:
        """Return the submission with this id, or None.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        query = select(submission).where(submission.c.id == submission_id)
        with reading(self._engine, "read the submission") as connection:
            row = connection.execute(query).mappings().one_or_none()
        return submission_of(row, self._now(), self._limits) if row else None

    def row(self, new: NewSubmission, now: float) -> dict[str, Any]:
        """Return the row of a mail that is pending since `now`."""
        return {
            "id": new.id,
            "message_id": new.message_id,
            "state": SubmissionState.PENDING,
            "created": now,
            "key_name": new.key,
            "recipients": [self._mask(recipient) for recipient in new.recipients],
            "hidden": [self._mask(recipient) for recipient in new.hidden],
            "recipient_count": len(new.recipients),
            "tags": dict(new.tags),
            "trace_id": new.trace_id,
        }


def exceeded_limit(
    connection: Connection, new: NewSubmission, key_limit: int | None, now: float
) -> KeyLimitReached | None:
    """Return how the mail exceeds its API key's limit, or None; the transaction holds the key's lock."""
    return key_limit_reached(
        connection,
        key_name=new.key,
        limit=key_limit,
        submission_id=new.id,
        recipients=len(new.recipients),
        now=now,
    )
