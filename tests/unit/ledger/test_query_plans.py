"""Query plans on SQLite: the queries of every request use an index, however large the ledger is."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.idempotency import IdempotencyKey
from mail_ledger.status_queries import MailFilter
from tests.unit.ledger.fakes import submission

_INDEX = re.compile(r"(?:SEARCH|SCAN) (?P<table>\w+) USING (?:COVERING )?INDEX (?P<name>\w+)")


class Plans:
    """The plans of the statements that were executed."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.indexes: set[str] = set()
        """The names of the indexes that were used; of a unique column's index, the column."""

    def explain(self, connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        """Add the plan of a statement that is about to be executed."""
        if statement.startswith(("SELECT", "UPDATE")):
            driver = connection.connection.driver_connection
            steps = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            self.steps += steps
            self.indexes.update(_indexes(driver, steps))


def _indexes(driver: Any, steps: list[str]) -> Iterator[str]:  # noqa: ANN401 - the driver's connection
    for found in filter(None, map(_INDEX.match, steps)):
        columns = [row[2] for row in driver.execute(f"PRAGMA index_info({found['name']})")]
        yield found["name"] if found["name"].startswith("ix_") else f"{found['table']}.{','.join(columns)}"


@pytest.fixture
def plans(engine: Engine) -> Plans:
    """Return the plans of all later statements."""
    found = Plans()
    event.listen(engine, "before_cursor_execute", found.explain)
    return found


@pytest.mark.parametrize(
    ("ask", "indexes"),
    [
        pytest.param(
            lambda ledger: ledger.quota.read(),
            {"ix_attempt_counted", "ix_attempt_ended", "ix_message_open", "ix_submission_created", "ix_message_api_id"},
            id="quota",
        ),
        pytest.param(lambda ledger: ledger.unknown_outcomes.resolve(), {"ix_submission_open"}, id="resolve"),
        pytest.param(lambda ledger: ledger.statuses.get("msg_1"), {"ix_message_api_id"}, id="status"),
        pytest.param(lambda ledger: ledger.statuses.page(), {"ix_submission_created"}, id="page"),
        pytest.param(
            lambda ledger: ledger.statuses.page(MailFilter(key="web")), {"ix_submission_key"}, id="page of a key"
        ),
        pytest.param(
            lambda ledger: ledger.submissions.begin(submission(2, key="web"), 9), {"ix_submission_key"}, id="begin"
        ),
        pytest.param(
            lambda ledger: [
                ledger.idempotency.claim(submission(number), IdempotencyKey("a", "b"), "p") for number in (3, 4)
            ],
            {"submission.idempotency_key"},
            id="claim",
        ),
    ],
)
def test_indexes_are_used(
    ledger: ApiLedger, plans: Plans, ask: Callable[[ApiLedger], object], indexes: set[str]
) -> None:
    """No query scans a table without an index."""
    ledger.keys.create("web")
    plans.steps.clear()
    plans.indexes.clear()
    ask(ledger)
    assert plans.steps
    assert [] == [step for step in plans.steps if step.startswith("SCAN ") and " USING " not in step]
    assert indexes <= plans.indexes
