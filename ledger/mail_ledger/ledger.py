"""Opens the database and stores, in one transaction, what was learned and the position up to which it is true."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from mail_ledger.schema import log_position, metadata, open_mail

_BUSY_SECONDS = 5
"""How long a writer waits for the other service's transaction before it gives up."""


class LedgerError(RuntimeError):
    """The ledger could not be opened, read or written; `reason` holds the database's own words."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"ledger: cannot {action}: {reason}")
        self.action = action
        self.reason = reason


class LogPosition(NamedTuple):
    """How far a log was read: the file, known by a hash of its first bytes, and an offset in bytes."""

    head_length: int
    head_hash: str
    offset: int


class Ledger:
    """The durable memory behind LEDGER_URL (SQLite by default)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
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
        except (SQLAlchemyError, ArgumentError) as error:
            raise LedgerError(f"open {_without_password(url)}", _words(error)) from error
        return cls(engine)

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def position(self, log: str) -> LogPosition | None:
        """Return how far the log was read, or None when it never was.

        Raises:
            LedgerError: the database can't be read.
        """
        query = select(log_position.c.head_length, log_position.c.head_hash, log_position.c.offset).where(
            log_position.c.log == log
        )
        try:
            with self._engine.connect() as connection:
                row = connection.execute(query).one_or_none()
        except SQLAlchemyError as error:
            raise LedgerError("read the position", _words(error)) from error
        return LogPosition(*row) if row else None

    def open_mails(self) -> dict[str, dict[str, Any]]:
        """Return the stored state of every mail that was still in the queue, by queue id.

        Raises:
            LedgerError: the database can't be read.
        """
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(select(open_mail.c.queue_id, open_mail.c.state)).all()
        except SQLAlchemyError as error:
            raise LedgerError("read the open mails", _words(error)) from error
        return {row.queue_id: row.state for row in rows}

    def checkpoint(
        self,
        *,
        log: str,
        position: LogPosition,
        changed: Mapping[str, Mapping[str, Any]],
        closed: Iterable[str],
    ) -> None:
        """Store the position and the mails that changed up to it, all or nothing.

        Args:
            log: the log's path.
            position: how far everything before is part of the ledger.
            changed: state by queue id of open mails that are new or changed.
            closed: queue ids of mails that left the queue.

        Raises:
            LedgerError: nothing was stored.
        """
        gone = [*changed, *closed]
        try:
            with self._engine.begin() as connection:
                for chunk in _chunks(gone, 500):
                    connection.execute(delete(open_mail).where(open_mail.c.queue_id.in_(chunk)))
                if changed:
                    rows = [{"queue_id": queue_id, "state": dict(state)} for queue_id, state in changed.items()]
                    connection.execute(insert(open_mail), rows)
                _replace_position(connection, log, position)
        except SQLAlchemyError as error:
            raise LedgerError("store the position", _words(error)) from error


def _replace_position(connection: Connection, log: str, position: LogPosition) -> None:
    connection.execute(delete(log_position).where(log_position.c.log == log))
    connection.execute(insert(log_position).values(log=log, stored_at=time.time(), **position._asdict()))


def _chunks(items: list[str], size: int) -> Iterable[list[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _configure_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    # The driver must not open transactions by itself: _begin_immediate does, so that two writers queue up
    # at BEGIN and never fail half-way (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html).
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={_BUSY_SECONDS * 1000}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _words(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "LEDGER_URL"
