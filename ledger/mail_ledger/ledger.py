"""The ledger as the exporter uses it: mails, attempts and log positions, stored in one transaction and read again."""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Self

from sqlalchemy import Engine, Row, Select, or_, select

from mail_ledger import log_positions
from mail_ledger.bulk_insert import BulkInsert, insert_new, upsert
from mail_ledger.engine import open_engine, reading, writing
from mail_ledger.key_limits import KeyRooms
from mail_ledger.quota import RelayQuota
from mail_ledger.tables import AttemptRow, LogPosition, MessageRow, Values, attempt, log_position, message


class Ledger:
    """The database of LEDGER_URL (SQLite by default, or PostgreSQL), for the exporter."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._upsert_message = BulkInsert(engine, upsert(engine, message))
        self._insert_attempt = BulkInsert(engine, insert_new(engine, attempt))
        self._upsert_position = BulkInsert(engine, upsert(engine, log_position))

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect, and migrate the schema to this version's.

        Raises:
            LedgerError: the URL is malformed, or the database cannot be reached or written.
        """
        return cls(open_engine(url))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def position(self, log: str, server: str = "") -> LogPosition | None:
        """Return how far the log of that mail server was read, or None for a new log.

        Raises:
            LedgerError: the database cannot be read.
        """
        return self.positions(log).get(server)

    def positions(self, log: str) -> dict[str, LogPosition]:
        """Return how far each mail server's log of this path was read, by the server's name.

        Raises:
            LedgerError: the database cannot be read.
        """
        with reading(self._engine, "read the log position") as connection:
            return log_positions.read_positions(connection, log)

    def rename_server(self, old: str, new: str) -> None:
        """Change the name of a mail server.

        Raises:
            LedgerError: the database cannot be written, or has a server of the new name already.
        """
        with writing(self._engine, "rename the mail server") as connection:
            log_positions.rename_server(connection, old, new)

    def open_messages(self, server: str = "") -> Iterator[MessageRow]:
        """Yield the mails in that server's queue, oldest first, without loading all of them into memory.

        Raises:
            LedgerError: the database cannot be read.
        """
        is_open = (message.c.closed.is_(None), message.c.server == server)
        query = select(message).where(*is_open).order_by(message.c.arrived)
        with reading(self._engine, "read the open mails") as connection:
            yield from map(MessageRow._make, connection.execution_options(yield_per=1000).execute(query))

    def find_messages(self, name: str) -> list[MessageRow]:
        """Return the mails with this queue id, Message-ID or API id, newest first.

        Raises:
            LedgerError: the database cannot be read.
        """
        named = name.strip("<>")
        is_named = or_(
            message.c.queue_id == named, message.c.api_id == named, message.c.message_id.in_((named, f"<{named}>"))
        )
        query = select(message).where(is_named).order_by(message.c.arrived.desc())
        return [MessageRow._make(row) for row in self._read("find the mail", query)]

    def attempts(self, message_id: str) -> list[AttemptRow]:
        """Return the delivery attempts of a mail, in their order; `message_id` is the `id` of its row.

        Raises:
            LedgerError: the database cannot be read.
        """
        query = select(attempt).where(attempt.c.message == message_id).order_by(attempt.c.ordinal)
        return [AttemptRow._make(row) for row in self._read("read the attempts", query)]

    def relay_quota(self, limit: int, relay: str, window: float) -> RelayQuota:
        """Return the reader of the quota of the relay with that name; see `RelayQuota`."""
        return RelayQuota(self._engine, limit, relay=relay, window=window)

    def key_rooms(self) -> KeyRooms:
        """Return the reader of the room of API keys that have a limit; see `KeyRooms`."""
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
        """Store the position, and the mails and attempts up to it, all or nothing. A stored attempt does not change.

        Args:
            log: the log's path.
            position: everything before it is part of the ledger.
            messages: the new and changed mails, as `MessageRow`s or plain tuples.
            attempts: the attempts that ended, as `AttemptRow`s or plain tuples.
            server: the mail server's name.
            after: the positions that may be stored at present, None for no position; empty allows any.

        Raises:
            PositionTaken: another position is stored: another exporter uses this server's name. Nothing was stored.
            LedgerError: nothing was stored, or the connection broke during the commit, with an unknown result.
        """
        read_up_to = (server, log, *position, time.time())
        with writing(self._engine, "store mails and log position") as connection:
            if after:
                log_positions.check_position(connection, log, server, after)
            self._upsert_message.execute(connection, messages)
            self._insert_attempt.execute(connection, attempts)
            self._upsert_position.execute(connection, [read_up_to])

    def _read(self, action: str, query: Select[Any]) -> Sequence[Row[Any]]:
        with reading(self._engine, action) as connection:
            return connection.execute(query).all()
