"""SQLite finds what every request asks for by an index, however long the ledger gets."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.idempotency import IdempotencyKey
from mail_ledger.messages import Wanted
from tests.unit.ledger.world import submission


@pytest.fixture
def plans(engine: Engine) -> list[str]:
    """Return the list that fills with the steps of every query's plan."""
    steps: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        if statement.startswith(("SELECT", "UPDATE")):
            driver = connection.connection.driver_connection
            steps.extend(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(engine, "before_cursor_execute", explain)
    return steps


@pytest.mark.parametrize(
    ("ask", "indexes"),
    [
        pytest.param(
            lambda ledger: ledger.quotas.read(),
            {"ix_attempt_counted", "ix_attempt_ended", "ix_message_open", "ix_submission_created", "ix_message_api_id"},
            id="quota",
        ),
        pytest.param(lambda ledger: ledger.submissions.settle(), {"ix_submission_open"}, id="settle"),
        pytest.param(lambda ledger: ledger.messages.get("msg_1"), {"ix_message_api_id"}, id="message"),
        pytest.param(lambda ledger: ledger.messages.page(), {"ix_submission_created"}, id="page"),
        pytest.param(lambda ledger: ledger.messages.page(Wanted(key="web")), {"ix_submission_key"}, id="key's page"),
        pytest.param(
            lambda ledger: ledger.submissions.begin(submission(2, key="web"), 9), {"ix_submission_key"}, id="begin"
        ),
        pytest.param(
            lambda ledger: [
                ledger.claims.claim(submission(number), IdempotencyKey("a", "b"), "p") for number in (3, 4)
            ],
            {"sqlite_autoindex_submission_2"},
            id="claim",
        ),
    ],
)
def test_indexes_are_used(
    ledger: ApiLedger, plans: list[str], ask: Callable[[ApiLedger], object], indexes: set[str]
) -> None:
    """No table is read from end to end."""
    ledger.keys.create("web")
    plans.clear()
    ask(ledger)
    assert plans
    assert [] == [step for step in plans if step.startswith("SCAN ") and " USING " not in step]
    assert indexes <= {word for step in plans for word in step.split()}
