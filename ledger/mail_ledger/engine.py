"""Opens the database behind LEDGER_URL, and says what went wrong without its password."""

from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from mail_ledger.schema import metadata

_BUSY_SECONDS = 5
"""How long a writer waits for the other service's transaction before it gives up."""

_CACHE_KIBIBYTES = 16 << 10
_CHECKPOINT_PAGES = 4000
"""16 MB of write-ahead log: a backlog writes the same pages of an index again and again."""


class LedgerError(RuntimeError):
    """The ledger could not be opened, read or written; `reason` holds the database's own words."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"ledger: cannot {action}: {reason}")
        self.action = action
        self.reason = reason

    @classmethod
    def of(cls, action: str, error: Exception) -> Self:
        """Return the error with the first line of what the database said."""
        return cls(action, str(getattr(error, "orig", None) or error).splitlines()[0])


def open_engine(url: str) -> Engine:
    """Connect and create missing tables.

    Raises:
        LedgerError: the URL is malformed, or the database can't be reached or written.
    """
    try:
        engine = create_engine(make_url(url))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_immediate)
        metadata.create_all(engine)
    except (SQLAlchemyError, ArgumentError, ImportError) as error:
        raise LedgerError.of(f"open {_without_password(url)}", error) from error
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    # The driver must not open transactions by itself: _begin_immediate does, so that two writers queue up
    # at BEGIN and never fail half-way (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html).
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_SECONDS * 1000}",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KIBIBYTES}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "LEDGER_URL"
