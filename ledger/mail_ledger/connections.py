"""Connects to the database behind LEDGER_URL: every wait has an end, and no message holds a password.

SQLite takes one writer at a time: writers queue up at BEGIN IMMEDIATE and never fail half-way, readers see the last
commit and never wait (WAL). PostgreSQL gets the same bounds as settings of each session.
"""

import sqlite3
import time
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

BUSY_SECONDS: Final = 5
"""How long a writer waits for another one's transaction, and anybody for a connection, before it gives up."""

STATEMENT_SECONDS: Final = 10
"""The longest that a statement may run on PostgreSQL."""

_CHECKPOINT_PAGES: Final = 4000
"""16 MB of write-ahead log: a backlog writes the same pages of an index again and again."""

READS: Final = {"ledger_reads": True, "postgresql_readonly": True}
"""Execution options of a connection that only reads."""

_WAL_TRIES: Final = 50
_WAL_PAUSE_SECONDS: Final = 0.02
_EXAMPLES: Final = "sqlite:////var/lib/mail-ledger/ledger.db or postgresql+psycopg://user:password@host/database"


def parse_url(url: str) -> URL:
    """Return the parsed URL.

    Raises:
        ValueError: it is none; the text says how one looks, and repeats nothing of it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"not a database URL, as in {_EXAMPLES}") from None
    if "@" in (parsed.host or ""):
        raise ValueError("a password that holds an @ has to be written with %40 in its place")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ValueError(f"neither SQLite nor PostgreSQL, as in {_EXAMPLES}")
    return parsed


def described(url: str) -> str:
    """Return the URL without its password and options, or the variable's name when it can't be read."""
    try:
        return parse_url(url).set(query={}).render_as_string(hide_password=True)
    except ValueError:
        return "LEDGER_URL"


def connect(url: str) -> Engine:
    """Return the engine; nothing is connected yet.

    Raises:
        ValueError: the URL is malformed, or of a database that the ledger can't live in.
        SQLAlchemyError, ImportError: its driver is unknown or not installed.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed)
    in_memory = parsed.database in (None, "", ":memory:")  # which has no pool to wait for
    # The connection that was used last, whose page cache is warm; in turn, each would fill one and void the others'.
    pool = {} if in_memory else {"pool_timeout": BUSY_SECONDS, "pool_use_lifo": True}
    engine = create_engine(parsed, hide_parameters=True, **pool)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    bounds = {
        "lock_timeout": BUSY_SECONDS,
        "statement_timeout": STATEMENT_SECONDS,
        "idle_in_transaction_session_timeout": 2 * STATEMENT_SECONDS,
    }
    own = " ".join(f"-c {name}={seconds}s" for name, seconds in bounds.items())
    given = dict(url.query)  # what the URL says comes last and wins
    arguments: dict[str, Any] = {
        "connect_timeout": BUSY_SECONDS,
        "tcp_user_timeout": 2 * STATEMENT_SECONDS * 1000,  # milliseconds: a server that vanished is noticed
        "application_name": "mail-ledger",
        "client_encoding": "utf8",  # a server set up without a locale would hand out bytes
        **given,
        "options": f"{own} {given.get('options', '')}".strip(),
    }
    return create_engine(
        url,
        connect_args=arguments,
        hide_parameters=True,
        # The claims rely on seeing, after a wait for a lock, what was committed meanwhile.
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_timeout=BUSY_SECONDS,
    )


def _configure_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    # The driver must not open transactions by itself: _begin_sqlite does
    # (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html).
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _switch_to_wal(connection)
    for pragma in (
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:  # noqa: ANN401 - same
    # Two processes that open a new file at once: SQLite refuses one of them without asking the busy handler.
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
