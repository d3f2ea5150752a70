"""Stores, in one transaction, what was learned from a log and the position up to which it is true; tells it again."""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Self

from sqlalchemy import Engine, Row, Select, or_, select

from mail_ledger import positions
from mail_ledger.engine import open_engine
from mail_ledger.facts import AttemptRow, LogPosition, MessageRow, Values
from mail_ledger.key_rooms import KeyRooms
from mail_ledger.quotas import Quotas
from mail_ledger.schema import attempt, log_position, message
from mail_ledger.transactions import reading, writing
from mail_ledger.writer import Writer, insert_new, upsert


class Ledger:
    """The durable memory behind LEDGER_URL (SQLite by default, or PostgreSQL)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._upsert_message = Writer(engine, upsert(engine, message))
        self._insert_attempt = Writer(engine, insert_new(engine, attempt))
        self._upsert_position = Writer(engine, upsert(engine, log_position))

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

    def position(self, log: str, server: str = "") -> LogPosition | None:
        """Return how far the log of that mail server was read, or None when it never was.

        Raises:
            LedgerError: the database can't be read.
        """
        return self.positions(log).get(server)

    def positions(self, log: str) -> dict[str, LogPosition]:
        """Return how far each mail server's log of this path was read, by the server's name.

        Raises:
            LedgerError: the database can't be read.
        """
        with reading(self._engine, "read the position") as connection:
            return positions.read(connection, log)

    def rename_server(self, old: str, new: str) -> None:
        """Make what is known of a mail server known under another name.

        Raises:
            LedgerError: the database can't be written, or knows the new name already.
        """
        with writing(self._engine, "rename the mail server") as connection:
            positions.rename(connection, old, new)

    def open_messages(self, server: str = "") -> Iterator[MessageRow]:
        """Yield every mail that was still in that server's queue, oldest first, without holding all of them in memory.

        Raises:
            LedgerError: the database can't be read.
        """
        is_open = (message.c.closed.is_(None), message.c.server == server)
        query = select(message).where(*is_open).order_by(message.c.arrived)
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

    def key_rooms(self) -> KeyRooms:
        """Return what reads the room of API keys that have a limit of their own; see `KeyRooms`."""
        return KeyRooms(self._engine)

    def checkpoint(  # noqa: PLR0913 - what one transaction stores, each by its name
        self,
        *,
        log: str,
        position: LogPosition,
        messages: Sequence[Values],
        attempts: Sequence[Values],
        server: str = "",
        after: Collection[LogPosition | None] = (),
    ) -> None:
        """Store the position and what was learned up to it, all or nothing. An attempt that is there already stays.

        Args:
            log: the log's path.
            position: everything before it is part of the ledger.
            messages: the mails that are new or changed, as `MessageRow`s or plain tuples.
            attempts: the attempts that ended, as `AttemptRow`s or plain tuples.
            server: the mail server's name.
            after: what the position may be before, None for none at all; empty allows any.

        Raises:
            PositionTaken: it is another: somebody else stores under this server's name. Nothing was stored.
            LedgerError: nothing was stored, or the connection broke at the very end and nobody knows.
        """
        read_up_to = (server, log, *position, time.time())
        with writing(self._engine, "store what was learned") as connection:
            if after:
                positions.check(connection, log, server, after)
            self._upsert_message.execute(connection, messages)
            self._insert_attempt.execute(connection, attempts)
            self._upsert_position.execute(connection, [read_up_to])

    def _read(self, action: str, query: Select[Any]) -> Sequence[Row[Any]]:
        with reading(self._engine, action) as connection:
            return connection.execute(query).all()
