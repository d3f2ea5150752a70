"""Retention: delete mails and submissions that are older than LEDGER_RETENTION_DAYS.

Rows are deleted in small batches with pauses, so that other writers wait only for one batch.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Engine, Table, delete, exists, or_, select

from mail_ledger.engine import reading, writing
from mail_ledger.tables import DAY_SECONDS, message, submission, was_accepted

_BATCH: Final = 50
_IDS: Final = 5000
"""Ids that are read at once, outside the transactions that write."""

_PAUSE_SECONDS: Final = 0.05
"""The pause between two batches: waiting writers of SQLite retry within a tenth of a second, mostly sooner."""

_LEAST_SECONDS: Final = DAY_SECONDS + 7200
"""The shortest retention: quota, key limits and idempotency need a day."""


class Pruned(NamedTuple):
    """How many rows were deleted; a message's attempts are deleted with it."""

    messages: int
    submissions: int


def prune(
    engine: Engine,
    older_than_days: float,
    *,
    now: Callable[[], float] = time.time,
    wait: Callable[[float], object] = time.sleep,
) -> Pruned:
    """Delete the mails that left the queue before so many days, and their submissions.

    Mails in the queue are kept, however old. A mail whose transfer was interrupted never was in the queue; its
    arrival counts.

    Args:
        engine: the ledger's.
        older_than_days: days; at least a day and two hours are kept.
        now: returns the Unix time.
        wait: waits that many seconds between two batches.

    Raises:
        LedgerError: the ledger cannot be read or written; earlier batches remain deleted.
    """
    before = now() - max(older_than_days * DAY_SECONDS, _LEAST_SECONDS)
    is_over = or_(message.c.closed < before, (message.c.arrived < before) & ~was_accepted())
    messages = _delete(engine, message, is_over, wait)
    # A submission is deleted after its mail, which may have been in the queue for days.
    is_orphan = (submission.c.created < before) & ~exists().where(message.c.api_id == submission.c.id)
    return Pruned(messages, _delete(engine, submission, is_orphan, wait))


def _delete(engine: Engine, table: Table, is_old: ColumnElement[bool], wait: Callable[[float], object]) -> int:
    deleted = 0
    while ids := _ids(engine, table, is_old):
        for batch in _batches(ids):
            with writing(engine, "delete old rows") as connection:
                deleted += connection.execute(delete(table).where(table.c.id.in_(batch))).rowcount
            wait(_PAUSE_SECONDS)
    return deleted


def _ids(engine: Engine, table: Table, is_old: ColumnElement[bool]) -> Sequence[str]:
    with reading(engine, "find old rows") as connection:
        return connection.execute(select(table.c.id).where(is_old).limit(_IDS)).scalars().all()


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
