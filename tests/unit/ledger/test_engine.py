"""Connections and transactions: invalid URLs, concurrent readers and writers, limits of waits."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from mail_ledger import LedgerError
from mail_ledger.engine import connect, open_engine, reading, url_without_secrets, writing
from mail_ledger.tables import submission as table


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("", "not a database URL", id="empty"),
        pytest.param("hunter2", "not a database URL", id="no URL"),
        pytest.param("postgresql+psycopg://u:p@ss:hunter2@host/db", "not a database URL", id="@ and : in a password"),
        pytest.param("postgresql+psycopg://u:p@hunter2@host/db", "%40", id="@ in a password"),
        pytest.param("postgresql+psycopg://u:hunter2@host:port/db", "not a database URL", id="port"),
        pytest.param("mysql://u:hunter2@host/db", "neither SQLite nor PostgreSQL", id="another database"),
        pytest.param("postgresql+nodriver://u:hunter2@host/db", "nodriver", id="unknown driver"),
        pytest.param("postgresql+psycopg://u:hunter2@127.0.0.1:1/db", "127.0.0.1", id="refused connection"),
        pytest.param("postgresql+psycopg://u@127.0.0.1:1/db?password=hunter2", "127.0.0.1", id="password as option"),
        pytest.param("sqlite:////no/such/folder/ledger.db", "unable to open", id="no folder"),
    ],
)
def test_open_fails(url: str, reason: str) -> None:
    """A database that cannot be opened raises an error with the reason, without a password."""
    with pytest.raises(LedgerError, match=reason) as raised:
        open_engine(url)
    assert "hunter2" not in str(raised.value)


def test_description() -> None:
    """Password and options are removed from a URL."""
    assert url_without_secrets("postgresql+psycopg://u:hunter2@h/db?sslpassword=x") == "postgresql+psycopg://u:***@h/db"


def test_readers_do_not_wait_for_a_writer(engine: Engine) -> None:
    """A reader does not wait for a writer, and sees the last commit."""
    with engine.begin() as writer:
        writer.execute(text("UPDATE log_position SET stored_at = 0"))
        with reading(engine, "read") as reader:
            assert [] == reader.execute(select(table)).all()


def test_reader_sees_one_state(engine: Engine) -> None:
    """A reader does not see what is committed while it reads; the next reader does."""
    insert = text("INSERT INTO log_position VALUES ('', 'log', 0, '', 0, 0)")
    count = text("SELECT count(*) FROM log_position")
    with reading(engine, "read") as reader:
        assert reader.execute(count).scalar_one() == 0
        with writing(engine, "write") as writer:
            writer.execute(insert)
        assert reader.execute(count).scalar_one() == 0
    with reading(engine, "read") as reader:
        assert reader.execute(count).scalar_one() == 1


def test_lock_wait_is_limited(url: str) -> None:
    """A writer that waits too long for another one raises an error with the reason."""
    engine = connect(url, busy_seconds=0.01)
    with engine.begin(), pytest.raises(LedgerError, match=r"cannot count: database is locked") as raised:  # noqa: SIM117
        with writing(engine, "count"):
            pass
    assert ("count", "database is locked") == (raised.value.action, raised.value.reason)
    engine.dispose()


def test_failed_block_stores_nothing(engine: Engine) -> None:
    """A block that fails stores nothing."""
    insert = text("INSERT INTO log_position VALUES ('', 'log', 0, '', 0, 0)")

    def store_twice() -> None:
        with writing(engine, "store") as connection:
            connection.execute(insert)
            connection.execute(insert)

    with pytest.raises(LedgerError, match="cannot store"):
        store_twice()
    with reading(engine, "read") as connection:
        assert connection.execute(text("SELECT count(*) FROM log_position")).scalar_one() == 0


def test_errors_hold_no_data(engine: Engine) -> None:
    """The error of a failed insert does not contain the values."""
    with pytest.raises(LedgerError) as raised, writing(engine, "store") as connection:
        connection.execute(table.insert().values(id="anna@example.com"))
    assert "anna" not in str(raised.value)
    assert "anna" not in str(raised.value.__cause__)


def test_read_only_folder(tmp_path: Path) -> None:
    """Opening a database that cannot be written raises an error."""
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerError, match="unable to open"):
        open_engine(f"sqlite:///{tmp_path}/ledger.db")


def test_in_memory() -> None:
    """A ledger in memory has all tables."""
    engine = open_engine("sqlite://")
    with reading(engine, "read") as connection:
        assert [] == connection.execute(select(table)).all()
    engine.dispose()


def test_file_that_is_no_database(tmp_path: Path) -> None:
    """A file that is not a database is not changed."""
    file = tmp_path / "ledger.db"
    file.write_text("precious " * 100)
    with pytest.raises(LedgerError, match="file is not a database"):
        open_engine(f"sqlite:///{file}")
    assert file.read_text().startswith("precious")
