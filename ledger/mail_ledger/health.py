"""Will a mail that is sent now leave? What the log's newest facts say against it."""

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, exists, func, select

from mail_ledger.schema import attempt, message
from mail_ledger.submission import DAY_SECONDS, SubmissionState
from mail_ledger.tables import submission
from mail_ledger.transactions import reading
from mail_telemetry.causes import EXPLANATIONS, Cause

STUCK_SECONDS: Final = 1800.0
"""A mail that waits for so long, while the relay took none, is no hiccup: it was tried about four times."""
UNSEEN_SECONDS: Final = 60.0
"""The exporter is behind by two seconds at most while it works."""
_LOOKED_BACK_SECONDS: Final = 3600.0


class Facts(NamedTuple):
    """What there is to judge by; times are Unix seconds, None is never."""

    relayed: float | None
    """When the relay last took a mail, within a day."""
    refused: float | None
    """When it last refused our login, within a day."""
    waiting_since: float | None
    """When the oldest mail arrived that was tried in vain and waits."""
    unseen_since: float | None
    """When the mail server took the oldest mail of the last hour that the log should show by now and does not.

    Older ones than the newest that it shows don't count: those are a gap, and the log is being read.
    """


def troubles(facts: Facts, now: float) -> Mapping[str, str]:
    """Return why a mail would not leave, or would leave unseen, by part; empty when nothing speaks against it."""
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
    """Reads the facts; `now` tells the Unix time."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now

    def troubles(self) -> Mapping[str, str]:
        """Return why a mail sent now would not leave, by part.

        Raises:
            LedgerError: the ledger can't be read.
        """
        now = self._now()
        with reading(self._engine, "judge the mail's way") as connection:
            return troubles(_facts(connection, now), now)


def _facts(connection: Connection, now: float) -> Facts:
    lately = attempt.c.ended > now - DAY_SECONDS
    was_refused = (attempt.c.cause == Cause.AUTH) & ~attempt.c.suspended
    is_waiting = message.c.closed.is_(None) & (message.c.attempts > 0)
    is_logged = exists().where(message.c.api_id == submission.c.id)
    should_be_seen = submission.c.finished.between(now - _LOOKED_BACK_SECONDS, now - UNSEEN_SECONDS)
    is_accepted = submission.c.state == SubmissionState.ACCEPTED
    lately_taken = (submission.c.created > now - 2 * _LOOKED_BACK_SECONDS) & is_accepted
    newest_seen = select(func.coalesce(func.max(submission.c.finished), 0)).where(lately_taken, is_logged)
    queries = (
        select(func.max(attempt.c.ended)).where(attempt.c.counted, lately),
        select(func.max(attempt.c.ended)).where(was_refused, lately),
        select(func.min(message.c.arrived)).where(is_waiting),
        select(func.min(submission.c.finished)).where(
            lately_taken, should_be_seen, ~is_logged, submission.c.finished > newest_seen.scalar_subquery()
        ),
    )
    return Facts(*(connection.execute(query).scalar() for query in queries))
