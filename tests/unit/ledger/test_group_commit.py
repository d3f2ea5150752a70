"""Group commit: each write in a transaction has its own result, independent of the others."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select, text

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.engine import LedgerError
from mail_ledger.group_commit import Write, write_alone, write_together
from mail_ledger.idempotency import IdempotencyKey, New, Replay
from mail_ledger.submissions import SubmissionAccepted, SubmissionFailed
from mail_ledger.tables import SubmissionState
from mail_ledger.tables import submission as table
from tests.unit.ledger.fakes import submission


@pytest.fixture
def transactions(engine: Engine) -> list[str]:
    """Return the ends of the transactions of the test, in their order."""
    ended: list[str] = []
    event.listen(engine, "commit", lambda _: ended.append("commit"))
    event.listen(engine, "rollback", lambda _: ended.append("rollback"))
    return ended


def states(engine: Engine) -> dict[str, str]:
    """Return the state of each submission, by its id."""
    with engine.connect().execution_options(ledger_reads=True) as connection:
        return {row.id: row.state for row in connection.execute(select(table.c.id, table.c.state))}


def failing(problem: Exception) -> Write[None]:
    """Return a write that changes rows and then raises the error."""

    def store(connection: Connection) -> None:
        connection.execute(text("UPDATE submission SET state = 'changed'"))
        raise problem

    return Write("fail on purpose", store)


def test_one_transaction(ledger: ApiLedger, engine: Engine, transactions: list[str]) -> None:
    """A group is stored with one commit, in the given order."""
    ledger.submissions.begin(submission(1))
    transactions.clear()
    writes: list[Write[Any]] = [
        ledger.submissions.begin_write(submission(2)),
        ledger.submissions.finish_write("msg_1", SubmissionAccepted("4jXSsP52xGz1")),
        ledger.submissions.begin_write(submission(3)),
        ledger.submissions.finish_write("msg_3", SubmissionFailed("smtp_unavailable")),
    ]
    assert write_together(engine, writes) == [None] * 4
    assert transactions == ["commit"]
    assert states(engine) == {"msg_1": "accepted", "msg_2": "pending", "msg_3": "failed"}


@pytest.mark.parametrize("kind", [RuntimeError, sqlite3.OperationalError], ids=["defect", "database"])
def test_failure_of_one_write(ledger: ApiLedger, engine: Engine, kind: Callable[[str], Exception]) -> None:
    """A write that fails stores nothing, and the others of its group are stored."""
    problem = kind("no")
    writes: list[Write[Any]] = [
        ledger.submissions.begin_write(submission(1)),
        failing(problem),
        ledger.submissions.begin_write(submission(2)),
    ]
    assert write_together(engine, writes) == [None, problem, None]
    assert states(engine) == {"msg_1": "pending", "msg_2": "pending"}


def test_write_rejected_by_the_database(ledger: ApiLedger, engine: Engine) -> None:
    """A write that the database rejects returns a LedgerError with the database's message; the others are stored."""
    writes: list[Write[Any]] = [ledger.submissions.begin_write(submission(number)) for number in (1, 1, 2)]
    first, second, third = write_together(engine, writes)
    assert (first, str(second), third) == (
        None,
        "ledger: cannot store the submission: UNIQUE constraint failed: submission.id",
        None,
    )
    assert isinstance(second, LedgerError)
    assert states(engine) == {"msg_1": "pending", "msg_2": "pending"}


def test_locked(ledger: ApiLedger, engine: Engine, url: str) -> None:
    """When no transaction can begin, all writes of the group fail after a single try."""
    tries: list[object] = []
    event.listen(engine, "checkout", lambda *_: tries.append(None))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tries.clear()
        outcomes = write_together(engine, [ledger.submissions.begin_write(submission(number)) for number in (1, 2, 3)])
    assert [str(outcome) for outcome in outcomes] == ["ledger: cannot store the submission: database is locked"] * 3
    assert len(tries) == 1


def test_claims_have_their_own_transaction(ledger: ApiLedger, engine: Engine, transactions: list[str]) -> None:
    """A write that locks rows has its own transaction, and sees the earlier writes."""
    key = IdempotencyKey("-", "order-1")
    writes: list[Write[Any]] = [
        ledger.submissions.begin_write(submission(1)),
        ledger.idempotency.claim_write(submission(2), key, "hash"),
        ledger.submissions.finish_write("msg_2", SubmissionAccepted("4jXSsP52xGz2")),
        ledger.idempotency.claim_write(submission(3), key, "hash"),
    ]
    begun, claimed, finished, repeated = write_together(engine, writes)
    assert (begun, claimed, finished) == (None, New(), None)
    assert isinstance(repeated, Replay)
    assert (repeated.submission.id, repeated.submission.state) == ("msg_2", SubmissionState.ACCEPTED)
    assert transactions == ["commit"] * 4


def test_single_write(engine: Engine) -> None:
    """A single write raises its error."""
    with pytest.raises(LedgerError, match="cannot fail on purpose: no such table: nowhere"):
        write_alone(engine, Write("fail on purpose", lambda found: found.execute(text("DELETE FROM nowhere"))))
