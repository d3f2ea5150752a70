"""Reads the quota out of the ledger: from Postfix's own log, so that mail counts however it entered."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, func, select, true

from mail_ledger.evidence import was_accepted
from mail_ledger.quota import EVIDENCE_SECONDS, Delivery, Quota, snapshot
from mail_ledger.schema import attempt, message
from mail_ledger.submission import DAY_SECONDS, SubmissionState
from mail_ledger.tables import submission
from mail_ledger.transactions import reading
from mail_telemetry.causes import Cause

_UNSEEN: Final = (SubmissionState.PENDING, SubmissionState.ACCEPTED, SubmissionState.UNKNOWN)


class Quotas:
    """The quota of one relay account.

    Args:
        engine: the ledger's.
        limit: recipients that the relay takes in a window (SMTP_RELAY_DAILY_LIMIT).
        relay: the relay's host name, as in SMTP_RELAY_HOST; None counts what any configured relay took.
        window: seconds; anything but a day is for trying out.
        now: tells the Unix time.
    """

    def __init__(
        self,
        engine: Engine,
        limit: int,
        *,
        relay: str | None = None,
        window: float = DAY_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._limit = limit
        self._window = window
        self._now = now
        self._is_ours = _is_of(relay) if relay else true()

    def read(self) -> Quota:
        """Return the quota as it is now.

        Raises:
            LedgerError: the ledger can't be read.
        """
        now = self._now()
        with reading(self._engine, "read the quota") as connection:
            deliveries = self._deliveries(connection, now - self._window - EVIDENCE_SECONDS)
            refused_at = self._refused_at(connection, now - EVIDENCE_SECONDS)
            in_queue = _in_queue(connection) + self._unseen(connection, now - self._window)
        if refused_at is not None and deliveries and deliveries[-1].ended >= refused_at:
            refused_at = None
        return snapshot(
            now=now,
            limit=self._limit,
            window=self._window,
            deliveries=deliveries,
            in_queue=in_queue,
            refused_at=refused_at,
        )

    def _deliveries(self, connection: Connection, since: float) -> list[Delivery]:
        query = (
            select(attempt.c.ended, message.c.entry, attempt.c.forwarded)
            .join_from(attempt, message)
            .where(attempt.c.counted, attempt.c.ended > since, self._is_ours)
            .order_by(attempt.c.ended)
        )
        return [Delivery(*row) for row in connection.execute(query)]

    def _refused_at(self, connection: Connection, since: float) -> float | None:
        # A suspended attempt repeats the words of the one before it: nobody asked the relay.
        is_refusal = and_(attempt.c.cause == Cause.QUOTA, ~attempt.c.suspended, attempt.c.ended > since, self._is_ours)
        newest: float | None = connection.execute(select(func.max(attempt.c.ended)).where(is_refusal)).scalar()
        return newest

    def _unseen(self, connection: Connection, since: float) -> int:
        """Return the recipients of mails that the API sent and the log does not show, or not yet."""
        is_logged = exists().where(message.c.api_id == submission.c.id, was_accepted())
        query = select(func.coalesce(func.sum(submission.c.recipient_count), 0)).where(
            submission.c.created > since, submission.c.state.in_(_UNSEEN), ~is_logged
        )
        return int(connection.execute(query).scalar_one())


def _is_of(relay: str) -> ColumnElement[bool]:
    # Logged as host[address]:port, the host as it was configured.
    logged_host = f"{relay.strip('[]').lower()}["
    return func.lower(attempt.c.relay).startswith(logged_host, autoescape=True)


def _in_queue(connection: Connection) -> int:
    waiting = message.c.recipient_count - message.c.recipients_finished
    query = select(func.coalesce(func.sum(waiting), 0)).where(message.c.closed.is_(None), waiting > 0)
    return int(connection.execute(query).scalar_one())
