"""Database connections and transactions: opens LEDGER_URL with SQLAlchemy, on SQLite or PostgreSQL.

Every wait for a lock, a connection or a statement has a limit. No error message contains a password.

SQLite has one writer at a time: writers wait in turn at BEGIN IMMEDIATE and do not fail half-way; readers see the last
commit and do not wait (WAL). On PostgreSQL each session gets the same limits as its settings.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, SQLAlchemyError

from mail_ledger import migrations

BUSY_SECONDS: Final = 5.0
"""Longest wait for a lock of another writer, or for a connection."""

STATEMENT_SECONDS: Final = 10
"""Longest run time of a statement on PostgreSQL."""

READS: Final = {"ledger_reads": True, "postgresql_readonly": True}
"""Execution options of a connection that only reads."""

_CHECKPOINT_PAGES: Final = 4000
"""16 MB of write-ahead log: a backlog writes the same pages of an index many times."""

_WAL_TRIES: Final = 50
_WAL_PAUSE_SECONDS: Final = 0.02
_EXAMPLES: Final = "sqlite:////var/lib/mail-ledger/ledger.db or postgresql+psycopg://user:password@host/database"


class LedgerError(RuntimeError):
    """The ledger could not be opened, read or written; `reason` holds the database's own message."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"ledger: cannot {action}: {reason}")
        self.action = action
        self.reason = reason

    @property
    def is_about_value(self) -> bool:
        """Whether the database works and only rejected a value that it cannot store."""
        return isinstance(self.__cause__, DataError)

    @classmethod
    def of(cls, action: str, error: Exception) -> Self:
        """Return the error with the first line of the database's message."""
        return cls(action, str(getattr(error, "orig", None) or error).splitlines()[0])


def parse_url(url: str) -> URL:
    """Return the parsed URL.

    Raises:
        ValueError: it is not a database URL; the text shows examples and repeats nothing of it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"not a database URL, as in {_EXAMPLES}") from None
    if "@" in (parsed.host or ""):
        raise ValueError("a password that contains an @ has to be written with %40 in its place")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ValueError(f"neither SQLite nor PostgreSQL, as in {_EXAMPLES}")
    return parsed


def url_without_secrets(url: str) -> str:
    """Return the URL without its password and options, or the variable's name when it cannot be parsed."""
    try:
        return parse_url(url).set(query={}).render_as_string(hide_password=True)
    except ValueError:
        return "LEDGER_URL"


def open_engine(url: str) -> Engine:
    """Connect, and migrate the schema to this version's.

    Raises:
        LedgerError: the URL is malformed, the database cannot be reached or written, or is newer than this version.
    """
    try:
        engine = connect(url)
        with _disposed_on_failure(engine):
            with engine.connect().execution_options(**READS) as connection:
                is_current = migrations.is_current(connection)
            if not is_current:
                migrations.upgrade(engine)
    except (SQLAlchemyError, ImportError, ValueError, migrations.SchemaUnusable) as error:
        raise LedgerError.of(f"open {url_without_secrets(url)}", error) from error
    return engine


@contextmanager
def opened_engine(url: str) -> Iterator[Engine]:
    """Yield the engine of `open_engine`, and dispose of it afterwards.

    Raises:
        LedgerError: as `open_engine`.
    """
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def reading(engine: Engine, action: str) -> Iterator[Connection]:
    """Yield a connection that reads one state of the ledger and does not wait for SQLite's writer.

    Raises:
        LedgerError: the database cannot be read; its text names the `action`.
    """
    try:
        with engine.connect().execution_options(**READS) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise LedgerError.of(action, error) from error


@contextmanager
def writing(engine: Engine, action: str) -> Iterator[Connection]:
    """Yield a connection whose changes are stored, all or nothing, when the block ends.

    Raises:
        LedgerError: nothing was stored; its text names the `action`.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise LedgerError.of(action, error) from error


def connect(url: str, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """Return the engine; no connection is opened yet.

    Args:
        url: the database.
        busy_seconds: longest wait for a lock or a connection.

    Raises:
        ValueError: the URL is malformed, or of an unsupported database.
        SQLAlchemyError, ImportError: its driver is unknown or not installed.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, busy_seconds)
    in_memory = parsed.database in (None, "", ":memory:")  # a database in memory has no pool
    # LIFO keeps using one connection, whose page cache is warm: each write makes the caches of the others stale.
    pool = {} if in_memory else {"pool_timeout": busy_seconds, "pool_use_lifo": True}
    engine = create_engine(parsed, hide_parameters=True, **pool)
    event.listen(engine, "connect", lambda connection, _record: _configure_sqlite(connection, busy_seconds))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL, busy_seconds: float) -> Engine:
    limits = {
        "lock_timeout": busy_seconds,
        "statement_timeout": STATEMENT_SECONDS,
        "idle_in_transaction_session_timeout": 2 * STATEMENT_SECONDS,
    }
    defaults = " ".join(f"-c {name}={seconds * 1000:.0f}" for name, seconds in limits.items())  # in milliseconds
    given = dict(url.query)  # options of the URL come last and win
    arguments: dict[str, Any] = {
        "connect_timeout": max(2, round(busy_seconds)),  # libpq's smallest value
        "tcp_user_timeout": 2 * STATEMENT_SECONDS * 1000,  # milliseconds: detects a server that vanished
        "application_name": "mail-ledger",
        "client_encoding": "utf8",  # a server that was set up without a locale would return bytes
        **given,
        "options": f"{defaults} {given.get('options', '')}".strip(),
    }
    return create_engine(
        url,
        connect_args=arguments,
        hide_parameters=True,
        # `idempotency` relies on reading, after a wait for a lock, what was committed meanwhile.
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_timeout=busy_seconds,
    )


def _configure_sqlite(connection: Any, busy_seconds: float) -> None:  # noqa: ANN401 - the driver's own connection
    # The driver must not open transactions by itself: _begin_sqlite does
    # (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={busy_seconds * 1000:.0f}")
    _switch_to_wal(connection)
    for pragma in (
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:  # noqa: ANN401 - same
    # When two processes open a new file at once, SQLite rejects one of them without calling the busy handler.
    for tries_left in reversed(range(_WAL_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not tries_left or "locked" not in str(error):
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("ledger_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _disposed_on_failure(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise
