"""Log positions: how far each mail server's log was read, and the check that only one exporter stores it."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select, update

from mail_ledger.engine import LedgerError
from mail_ledger.tables import LogPosition, log_position, message

_COLUMNS = (log_position.c.head_length, log_position.c.head_hash, log_position.c.offset)


class PositionTaken(LedgerError):
    """Another exporter stores positions under this mail server's name."""

    def __init__(self, server: str, log: str) -> None:
        super().__init__(
            "store the log position",
            f"another exporter reads {log} of {f'mail server {server}' if server else 'a mail server without a name'}; "
            "give each mail server a MAIL_HOSTNAME of its own, and each log one exporter",
        )


def read_positions(connection: Connection, log: str) -> dict[str, LogPosition]:
    """Return each server's position in its log of this path, by the server's name."""
    query = select(log_position.c.server, *_COLUMNS).where(log_position.c.log == log)
    return {server: LogPosition(*position) for server, *position in connection.execute(query)}


def check_position(connection: Connection, log: str, server: str, expected: Collection[LogPosition | None]) -> None:
    """Check that the stored position is an expected one, and lock it until the transaction ends.

    Raises:
        PositionTaken: it is not one of `expected`.
    """
    is_ours = (log_position.c.log == log, log_position.c.server == server)
    row = connection.execute(select(*_COLUMNS).where(*is_ours).with_for_update()).one_or_none()
    if (None if row is None else LogPosition._make(row)) not in expected:
        raise PositionTaken(server, log)


def rename_server(connection: Connection, old: str, new: str) -> None:
    """Change a server's name in its positions and mails; the ids of the mails stay as they are."""
    for table in (log_position, message):
        connection.execute(update(table).where(table.c.server == old).values(server=new))


def forget_server(connection: Connection, server: str, now: float) -> int:
    """Delete a server's log positions, close its mails in the queue, and return how many mails were closed.

    Raises:
        LedgerError: there is no such server.
    """
    deleted = connection.execute(delete(log_position).where(log_position.c.server == server))
    is_open = (message.c.server == server, message.c.closed.is_(None))
    closed = connection.execute(update(message).where(*is_open).values(closed=now))
    if not deleted.rowcount + closed.rowcount:
        raise LedgerError(f"forget {server or 'the server without a name'}", "there is no such mail server")
    return closed.rowcount
