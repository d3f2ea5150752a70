"""Forgets what is older than LEDGER_RETENTION_DAYS, a little at a time, so that nobody who sends mail waits for it."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Engine, Table, delete, exists, or_, select

from mail_ledger.evidence import was_accepted
from mail_ledger.schema import message
from mail_ledger.submission import DAY_SECONDS
from mail_ledger.tables import submission
from mail_ledger.transactions import reading, writing

_BATCH: Final = 50
_AT_ONCE: Final = 5000
"""Ids that are looked up at once, outside of any transaction that writes."""

_PAUSE_SECONDS: Final = 0.05
"""Between two batches: SQLite's waiting writers look again after at most a tenth of a second, and mostly sooner."""

_LEAST_SECONDS: Final = DAY_SECONDS + 7200
"""What the quota, the keys' limits and idempotency need stays, whatever is asked for."""


class Pruned(NamedTuple):
    """How many rows are gone; a message's attempts go with it."""

    messages: int
    submissions: int


def prune(
    engine: Engine,
    older_than_days: float,
    *,
    now: Callable[[], float] = time.time,
    wait: Callable[[float], object] = time.sleep,
) -> Pruned:
    """Delete the mails that left the queue before so many days, and what the API wrote down about them.

    Mails in the queue stay, however old. One that broke off while it came in never was there, and goes by its arrival.

    Args:
        engine: the ledger's.
        older_than_days: days; a day and two hours stay in any case.
        now: tells the Unix time.
        wait: waits that many seconds between two batches.

    Raises:
        LedgerError: the ledger can't be read or written; what is gone by then is gone.
    """
    before = now() - max(older_than_days * DAY_SECONDS, _LEAST_SECONDS)
    is_over = or_(message.c.closed < before, (message.c.arrived < before) & ~was_accepted())
    messages = _delete(engine, message, is_over, wait)
    # A submission goes after its mail, which may have spent days in the queue.
    is_orphan = (submission.c.created < before) & ~exists().where(message.c.api_id == submission.c.id)
    return Pruned(messages, _delete(engine, submission, is_orphan, wait))


def _delete(engine: Engine, table: Table, is_old: ColumnElement[bool], wait: Callable[[float], object]) -> int:
    deleted = 0
    while ids := _ids(engine, table, is_old):
        for batch in _batches(ids):
            with writing(engine, "prune") as connection:
                deleted += connection.execute(delete(table).where(table.c.id.in_(batch))).rowcount
            wait(_PAUSE_SECONDS)
    return deleted


def _ids(engine: Engine, table: Table, is_old: ColumnElement[bool]) -> Sequence[str]:
    with reading(engine, "look for what is old") as connection:
        return connection.execute(select(table.c.id).where(is_old).limit(_AT_ONCE)).scalars().all()


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
