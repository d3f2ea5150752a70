"""Group commit: what many callers want stored, in one transaction that costs hardly more than that of one.

    [begin a, finish b, begin c] ──▶ BEGIN … COMMIT ──▶ an outcome for each of them

SQLite has one writer at a time, and who waits for another sleeps longer than the other one writes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine

from mail_ledger.engine import LedgerError
from mail_ledger.transactions import writing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """Something to store, which can be begun anew when its transaction was rolled back."""

    action: str
    """What for, as in "ledger: cannot store the submission"."""
    store: Callable[[Connection], T]
    alone: bool = False
    """It locks rows: in a group, two processes could each wait for a row that the other one holds."""


def write_alone(engine: Engine, write: Write[T]) -> T:
    """Return what one write returns, once it is stored.

    Raises:
        LedgerError: nothing was stored.
    """
    with writing(engine, write.action) as connection:
        return write.store(connection)


def write_together(engine: Engine, writes: Sequence[Write[Any]]) -> list[Any]:
    """Return an outcome per write: what it returns, now stored, or the exception that kept it alone from it."""
    outcomes: list[Any] = []
    for alone, run in groupby(writes, attrgetter("alone")):
        several = tuple(run)
        outcomes += _one_by_one(engine, several) if alone else _grouped(engine, several)
    return outcomes


class _WriteFailed(Exception):
    """One write of a group failed, so none of it is stored."""


def _grouped(engine: Engine, writes: Sequence[Write[Any]]) -> list[Any]:
    try:
        with writing(engine, writes[0].action) as connection:
            return [_stored(connection, write) for write in writes]
    except LedgerError as error:  # the transaction itself could not begin or end: nor could another one now
        return [error] * len(writes)
    except _WriteFailed:
        return _one_by_one(engine, writes)


def _stored(connection: Connection, write: Write[T]) -> T:
    try:
        return write.store(connection)
    except Exception as problem:
        raise _WriteFailed from problem


def _one_by_one(engine: Engine, writes: Sequence[Write[Any]]) -> list[Any]:
    outcomes: list[Any] = []
    for write in writes:
        try:
            outcomes.append(write_alone(engine, write))
        except Exception as problem:  # noqa: BLE001 - its caller gets it
            outcomes.append(problem)
    return outcomes
