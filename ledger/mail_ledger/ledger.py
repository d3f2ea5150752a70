"""Stores, in one transaction, what was learned from a log and the position up to which it is true; tells it again."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Self

from sqlalchemy import Connection, Engine, Insert, Row, Select, Table, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from mail_ledger.engine import open_engine
from mail_ledger.facts import AttemptRow, LogPosition, MessageRow
from mail_ledger.quotas import Quotas
from mail_ledger.schema import attempt, log_position, message
from mail_ledger.transactions import reading, writing


class Ledger:
    """The durable memory behind LEDGER_URL (SQLite by default, or PostgreSQL)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._upsert_message = _Writer(engine, _upsert(engine, message))
        self._insert_attempt = _Writer(engine, insert(attempt))
        self._upsert_position = _Writer(engine, _upsert(engine, log_position))

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect and create missing tables.

        Raises:
            LedgerError: the URL is malformed, or the database can't be reached or written.
        """
        return cls(open_engine(url))

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def position(self, log: str) -> LogPosition | None:
        """Return how far the log was read, or None when it never was.

        Raises:
            LedgerError: the database can't be read.
        """
        columns = (log_position.c.head_length, log_position.c.head_hash, log_position.c.offset)
        rows = self._read("read the position", select(*columns).where(log_position.c.log == log))
        return LogPosition._make(rows[0]) if rows else None

    def open_messages(self) -> Iterator[MessageRow]:
        """Yield every mail that was still in the queue, oldest first, without holding all of them in memory.

        Raises:
            LedgerError: the database can't be read.
        """
        query = select(message).where(message.c.closed.is_(None)).order_by(message.c.arrived)
        with reading(self._engine, "read the open mails") as connection:
            yield from map(MessageRow._make, connection.execution_options(yield_per=1000).execute(query))

    def find_messages(self, name: str) -> list[MessageRow]:
        """Return the mails that a queue id, a Message-ID or an id of the API names, newest first.

        Raises:
            LedgerError: the database can't be read.
        """
        named = name.strip("<>")
        is_named = or_(
            message.c.queue_id == named, message.c.api_id == named, message.c.message_id.in_((named, f"<{named}>"))
        )
        query = select(message).where(is_named).order_by(message.c.arrived.desc())
        return [MessageRow._make(row) for row in self._read("find the mail", query)]

    def attempts(self, message_id: str) -> list[AttemptRow]:
        """Return the attempts to deliver a mail, in their order; `message_id` is the `id` of its row.

        Raises:
            LedgerError: the database can't be read.
        """
        query = select(attempt).where(attempt.c.message == message_id).order_by(attempt.c.ordinal)
        return [AttemptRow._make(row) for row in self._read("read the attempts", query)]

    def quotas(self, limit: int, relay: str, window: float) -> Quotas:
        """Return what reads the quota of the relay of that name; see `Quotas`."""
        return Quotas(self._engine, limit, relay=relay, window=window)

    def checkpoint(
        self, *, log: str, position: LogPosition, messages: Sequence[MessageRow], attempts: Sequence[AttemptRow]
    ) -> None:
        """Store the position and what was learned up to it, all or nothing.

        Args:
            log: the log's path.
            position: everything before it is part of the ledger.
            messages: the mails that are new or changed.
            attempts: the attempts that ended.

        Raises:
            LedgerError: nothing was stored.
        """
        read_up_to = (log, *position, time.time())
        with writing(self._engine, "store what was learned") as connection:
            self._upsert_message.execute(connection, messages)
            self._insert_attempt.execute(connection, attempts)
            self._upsert_position.execute(connection, [read_up_to])

    def _read(self, action: str, query: Select[Any]) -> Sequence[Row[Any]]:
        with reading(self._engine, action) as connection:
            return connection.execute(query).all()


class _Writer:
    """Writes many rows with one statement, compiled once: SQLAlchemy's own way costs several times the database's."""

    def __init__(self, engine: Engine, statement: Insert) -> None:
        compiled = statement.compile(dialect=engine.dialect)
        self._sql = str(compiled)
        self._names = [column.name for column in statement.table.columns]
        self._positional = compiled.positional

    def execute(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write the rows, whose values stand in the order of the table's columns."""
        if not rows:
            return
        if self._positional:
            connection.exec_driver_sql(self._sql, list(rows))
        else:
            connection.exec_driver_sql(self._sql, [dict(zip(self._names, row, strict=True)) for row in rows])


def _upsert(engine: Engine, table: Table) -> Insert:
    """Return the statement that inserts a row, or replaces the one with the same primary key."""
    new: sqlite.Insert | postgresql.Insert
    new = postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: new.excluded[column.name] for column in table.columns if column.name not in keys}
    return new.on_conflict_do_update(index_elements=keys, set_=values)
