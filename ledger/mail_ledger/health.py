"""Health of the mail flow, from the log in the ledger: relay login, queue, and whether the log is read."""

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, exists, func, select

from mail_ledger.engine import reading
from mail_ledger.tables import DAY_SECONDS, SubmissionState, attempt, message, submission
from mail_telemetry.causes import EXPLANATIONS, Cause

STUCK_SECONDS: Final = 1800.0
"""A mail that waits for longer, while the relay accepted none, is a problem: it was tried about four times."""
UNSEEN_SECONDS: Final = 60.0
"""A mail that is not logged after this is a problem: a working exporter is at most two seconds behind."""
_RECENT_SECONDS: Final = 3600.0


class FlowFacts(NamedTuple):
    """Times of the mail flow in Unix seconds; None for never."""

    relayed: float | None
    """When the relay last accepted a mail, within a day."""
    refused: float | None
    """When the relay last rejected our login, within a day."""
    waiting_since: float | None
    """When the oldest mail in the queue arrived that was tried at least once."""
    unseen_since: float | None
    """When the mail server accepted the oldest mail of the last hour that should be in the log and is not.

    Mails older than the newest one in the log do not count: they are a gap in a log that is read.
    """


def flow_problems(facts: FlowFacts, now: float) -> Mapping[str, str]:
    """Return why a mail sent now would not leave, or would not be logged, by part; empty for no problem."""
    found = {}
    if facts.refused is not None and facts.refused > (facts.relayed or 0):
        found["relay"] = f"the relay refuses our credentials: {EXPLANATIONS[Cause.AUTH].next_step}"
    waiting = facts.waiting_since
    if waiting is not None and now - waiting > STUCK_SECONDS and (facts.relayed or 0) < waiting:
        found["queue"] = f"the oldest mail waits for {(now - waiting) / 60:.0f} minutes, and the relay took none since"
    if facts.unseen_since is not None:
        found["log"] = f"the log is not read: it does not show a mail of {now - facts.unseen_since:.0f} seconds ago"
    return found


class Health:
    """Checks the mail flow; `now` returns the Unix time."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now

    def problems(self) -> Mapping[str, str]:
        """Return why a mail sent now would not leave, by part.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        now = self._now()
        with reading(self._engine, "check the mail flow") as connection:
            return flow_problems(_flow_facts(connection, now), now)


def _flow_facts(connection: Connection, now: float) -> FlowFacts:
    within_a_day = attempt.c.ended > now - DAY_SECONDS
    was_refused = (attempt.c.cause == Cause.AUTH) & ~attempt.c.suspended
    is_waiting = message.c.closed.is_(None) & (message.c.attempts > 0)
    is_logged = exists().where(message.c.api_id == submission.c.id)
    should_be_logged = submission.c.finished.between(now - _RECENT_SECONDS, now - UNSEEN_SECONDS)
    is_accepted = submission.c.state == SubmissionState.ACCEPTED
    lately_accepted = (submission.c.created > now - 2 * _RECENT_SECONDS) & is_accepted
    newest_logged = select(func.coalesce(func.max(submission.c.finished), 0)).where(lately_accepted, is_logged)
    queries = (
        select(func.max(attempt.c.ended)).where(attempt.c.counted, within_a_day),
        select(func.max(attempt.c.ended)).where(was_refused, within_a_day),
        select(func.min(message.c.arrived)).where(is_waiting),
        select(func.min(submission.c.finished)).where(
            lately_accepted, should_be_logged, ~is_logged, submission.c.finished > newest_logged.scalar_subquery()
        ),
    )
    return FlowFacts(*(connection.execute(query).scalar() for query in queries))
