"""What the log says about submissions whose outcome nobody knows: the mail server has them, or never had."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from mail_ledger.schema import message
from mail_ledger.submission import DAY_SECONDS, Lease, Submission, SubmissionState
from mail_ledger.tables import is_open, submission

NOT_IN_LOG = "not_in_log"
"""The code of a submission that the log shows was not accepted."""


class Absent(Enum):
    """The log does not have the mail."""

    SO_FAR = auto()
    FOR_GOOD = auto()


class Taken(NamedTuple):
    """The mail is or was in the mail server's queue."""

    queue_id: str


Verdict = Taken | Absent


def verdicts(connection: Connection, submissions: Sequence[Submission], lease: Lease) -> list[Verdict]:
    """Return what the log says about each submission.

    A mail counts as accepted once the queue manager took it up: its Message-ID is logged earlier, and for mails that
    broke off half-way too. A mail is absent for good once every mail server that was at work since the day before has
    taken up one that arrived later by the grace; so a server that is idle, or whose log is not read, keeps it open.
    """
    query = select(message.c.api_id, message.c.queue_id).where(
        message.c.api_id.in_([found.id for found in submissions]), was_accepted()
    )
    queue_ids = {row.api_id: row.queue_id for row in connection.execute(query)}
    return [
        Taken(queue_ids[found.id]) if found.id in queue_ids else _absent(connection, found, lease)
        for found in submissions
    ]


def record(connection: Connection, found: Submission, verdict: Verdict) -> None:
    """Store a verdict that is final; what is not in the log gives its idempotency key back."""
    if isinstance(verdict, Taken):
        values = {"state": SubmissionState.ACCEPTED, "queue_id": verdict.queue_id, "code": None}
    elif verdict is Absent.FOR_GOOD:
        values = {"state": SubmissionState.FAILED, "code": NOT_IN_LOG, "idempotency_key": None}
    else:
        return
    connection.execute(update(submission).where(submission.c.id == found.id, is_open).values(values))


def _absent(connection: Connection, found: Submission, lease: Lease) -> Absent:
    ended = found.finished or found.created + lease.pending
    newest = (
        select(func.max(message.c.arrived))
        .where(message.c.arrived > found.created - DAY_SECONDS, was_accepted())
        .group_by(message.c.server)
    )
    times = connection.execute(newest).scalars().all()
    return Absent.FOR_GOOD if times and min(times) > ended + lease.grace else Absent.SO_FAR


def was_accepted() -> ColumnElement[bool]:
    """Return the condition that a row of `message` is a mail which the server took, not one that broke off."""
    return or_(message.c.activations > 0, message.c.closed.is_not(None))
