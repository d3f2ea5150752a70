"""PostgreSQL's time limits and errors."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url, text

from mail_ledger import LedgerError
from mail_ledger.engine import connect, open_engine, reading, writing


@pytest.fixture
def limited(url: str) -> Iterator[Engine]:
    """Return connections with short time limits, set in the URL."""
    shorter = make_url(url).update_query_dict({"options": "-c lock_timeout=50ms -c statement_timeout=100ms"})
    engine = connect(shorter.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def test_every_wait_has_an_end(engine: Engine) -> None:
    """Sessions limit locks, statements and idle transactions."""
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "client_encoding")
    with reading(engine, "look") as connection:
        found = [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    assert ["5s", "10s", "20s", "UTF8"] == found


def test_lock(limited: Engine) -> None:
    """A wait for a lock that exceeds its limit raises an error with the reason."""
    lock = text("LOCK TABLE submission")
    with limited.begin() as first:
        first.execute(lock)
        with pytest.raises(LedgerError, match=r"cannot count: .*lock timeout"), writing(limited, "count") as second:
            second.execute(lock)


def test_slow_statement(limited: Engine) -> None:
    """A statement that exceeds its limit is cancelled."""
    with (
        pytest.raises(LedgerError, match=r"cannot look: .*statement timeout"),
        reading(limited, "look") as connection,
    ):
        connection.execute(text("SELECT pg_sleep(10)"))


def test_reading_writes_nothing(engine: Engine) -> None:
    """A reading transaction cannot write."""
    with pytest.raises(LedgerError, match="read-only"), reading(engine, "look") as connection:
        connection.execute(text("DELETE FROM submission"))


def test_wrong_password(url: str) -> None:
    """The error of a rejected login does not contain the password."""
    wrong = make_url(url).set(password="hunter2").render_as_string(hide_password=False)
    with pytest.raises(LedgerError, match="password authentication failed") as raised:
        open_engine(wrong)
    assert "hunter2" not in str(raised.value)


def test_lost_connection(engine: Engine) -> None:
    """Connections that the server closed are opened again."""
    end = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = :name"
    )
    with reading(engine, "look") as connection:
        connection.execute(text("SELECT 1"))
    admin = connect(engine.url.render_as_string(hide_password=False))
    with admin.begin() as connection:
        connection.execute(end, {"name": engine.url.database})
    admin.dispose()
    with reading(engine, "look") as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
