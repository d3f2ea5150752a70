"""Group commit: store the writes of several callers in one transaction.

    [begin a, finish b, begin c] ──▶ BEGIN … COMMIT ──▶ the result of each write

Each commit waits for the disk, and SQLite has one writer at a time: one transaction for several writes costs hardly
more than one for a single write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine

from mail_ledger.engine import LedgerError, writing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """A write that can be run again when its transaction was rolled back."""

    action: str
    """Names the write in errors, as in "ledger: cannot store the submission"."""
    store: Callable[[Connection], T]
    alone: bool = False
    """The write locks rows and needs its own transaction: in a group, two processes could deadlock."""


def write_alone(engine: Engine, write: Write[T]) -> T:
    """Store one write and return its result.

    Raises:
        LedgerError: nothing was stored.
    """
    with writing(engine, write.action) as connection:
        return write.store(connection)


def write_together(engine: Engine, writes: Sequence[Write[Any]]) -> list[Any]:
    """Store the writes and return, for each, its result or the exception because of which it was not stored."""
    outcomes: list[Any] = []
    for alone, run in groupby(writes, attrgetter("alone")):
        group = tuple(run)
        outcomes += _one_by_one(engine, group) if alone else _grouped(engine, group)
    return outcomes


class _WriteFailed(Exception):
    """One write of a group failed: the group is rolled back and its writes are stored one by one."""


def _grouped(engine: Engine, writes: Sequence[Write[Any]]) -> list[Any]:
    try:
        with writing(engine, writes[0].action) as connection:
            return [_stored(connection, write) for write in writes]
    except LedgerError as error:  # the transaction could not begin or end: another one would fail too
        return [error] * len(writes)
    except _WriteFailed:
        return _one_by_one(engine, writes)


def _stored(connection: Connection, write: Write[T]) -> T:
    try:
        return write.store(connection)
    except Exception as error:
        raise _WriteFailed from error


def _one_by_one(engine: Engine, writes: Sequence[Write[Any]]) -> list[Any]:
    outcomes: list[Any] = []
    for write in writes:
        try:
            outcomes.append(write_alone(engine, write))
        except Exception as error:  # noqa: BLE001 - it is returned to the caller of this write
            outcomes.append(error)
    return outcomes
