"""Resolve submissions of unknown outcome from the mail log: the mail server accepted the mail, or did not.

A mail counts as accepted once the queue manager has activated it. It counts as not accepted once every mail server
that was active since the day before has activated a mail that arrived later by `TimeLimits.grace`. So a server that is
idle, or whose log is not read, keeps the outcome unknown.
"""

import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, func, or_, select, update

from mail_ledger.engine import reading, writing
from mail_ledger.submissions import Submission, TimeLimits, submission_of
from mail_ledger.tables import DAY_SECONDS, SubmissionState, is_unfinished, message, submission, was_accepted

NOT_IN_LOG: Final = "not_in_log"
"""The code of a submission that failed because its mail is not in the log."""


class NotLogged(Enum):
    """The mail is not in the log."""

    SO_FAR = auto()
    FINAL = auto()


class Logged(NamedTuple):
    """The mail is, or was, in the mail server's queue."""

    queue_id: str


LogEvidence = Logged | NotLogged


class Resolved(NamedTuple):
    """How many submissions of unknown outcome were resolved, by outcome."""

    accepted: int
    failed: int
    still_unknown: int


class UnknownOutcomes:
    """The submissions of unknown outcome; the arguments are those of `SubmissionStore`."""

    def __init__(
        self,
        engine: Engine,
        *,
        limits: TimeLimits = TimeLimits(),  # noqa: B008 - immutable
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._now = now

    def resolve(self, most: int = 100) -> Resolved:
        """Store the outcomes of the oldest unknown submissions that the log has. Call it periodically.

        Raises:
            LedgerError: the ledger cannot be read or written; either all outcomes were stored or none.
        """
        with reading(self._engine, "read submissions of unknown outcome") as connection:
            found = self._unknown(connection, most)
            evidence = log_evidence(connection, found, self._limits) if found else []
        final = [(one, shown) for one, shown in zip(found, evidence, strict=True) if shown != NotLogged.SO_FAR]
        if final:
            with writing(self._engine, "store resolved outcomes") as connection:
                for one, shown in final:
                    store_evidence(connection, one, shown)
        accepted = sum(isinstance(shown, Logged) for _, shown in final)
        return Resolved(accepted, len(final) - accepted, len(found) - len(final))

    def _unknown(self, connection: Connection, most: int) -> list[Submission]:
        now = self._now()
        is_unknown = or_(
            submission.c.state == SubmissionState.UNKNOWN, submission.c.created <= now - self._limits.pending
        )
        query = select(submission).where(is_unfinished, is_unknown)
        rows = connection.execute(query.order_by(submission.c.created).limit(most)).mappings()
        return [submission_of(row, now, self._limits) for row in rows]


def log_evidence(connection: Connection, submissions: Sequence[Submission], limits: TimeLimits) -> list[LogEvidence]:
    """Return, for each submission, whether its mail is in the log."""
    query = select(message.c.api_id, message.c.queue_id).where(
        message.c.api_id.in_([found.id for found in submissions]), was_accepted()
    )
    queue_ids = {row.api_id: row.queue_id for row in connection.execute(query)}
    return [
        Logged(queue_ids[found.id]) if found.id in queue_ids else _not_logged(connection, found, limits)
        for found in submissions
    ]


def store_evidence(connection: Connection, found: Submission, evidence: LogEvidence) -> None:
    """Store the outcome if it is final; a failure releases the idempotency key."""
    if isinstance(evidence, Logged):
        values = {"state": SubmissionState.ACCEPTED, "queue_id": evidence.queue_id, "code": None}
    elif evidence is NotLogged.FINAL:
        values = {"state": SubmissionState.FAILED, "code": NOT_IN_LOG, "idempotency_key": None}
    else:
        return
    connection.execute(update(submission).where(submission.c.id == found.id, is_unfinished).values(values))


def _not_logged(connection: Connection, found: Submission, limits: TimeLimits) -> NotLogged:
    ended = found.finished or found.created + limits.pending
    newest = (
        select(func.max(message.c.arrived))
        .where(message.c.arrived > found.created - DAY_SECONDS, was_accepted())
        .group_by(message.c.server)
    )
    times = connection.execute(newest).scalars().all()
    return NotLogged.FINAL if times and min(times) > ended + limits.grace else NotLogged.SO_FAR
