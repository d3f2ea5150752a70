"""How far the logs of the mail servers were read, and who may say so."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select, update

from mail_ledger.engine import LedgerError
from mail_ledger.facts import LogPosition
from mail_ledger.schema import log_position, message

_COLUMNS = (log_position.c.head_length, log_position.c.head_hash, log_position.c.offset)


class PositionTaken(LedgerError):
    """Somebody else stores under this mail server's name."""

    def __init__(self, server: str, log: str) -> None:
        super().__init__(
            "store what was learned",
            f"somebody else reads {log} of {f'mail server {server}' if server else 'a mail server without a name'}; "
            "give each mail server a MAIL_HOSTNAME of its own, and each log one exporter",
        )


def read(connection: Connection, log: str) -> dict[str, LogPosition]:
    """Return each server's position in its log of this path, by the server's name."""
    query = select(log_position.c.server, *_COLUMNS).where(log_position.c.log == log)
    return {server: LogPosition(*position) for server, *position in connection.execute(query)}


def check(connection: Connection, log: str, server: str, after: Collection[LogPosition | None]) -> None:
    """Accept the stored position and keep others from changing it, until the transaction ends.

    Raises:
        PositionTaken: it is none of `after`.
    """
    is_ours = (log_position.c.log == log, log_position.c.server == server)
    row = connection.execute(select(*_COLUMNS).where(*is_ours).with_for_update()).one_or_none()
    if (None if row is None else LogPosition._make(row)) not in after:
        raise PositionTaken(server, log)


def rename(connection: Connection, old: str, new: str) -> None:
    """Give a server's positions and mails another name; the mails' keys, which nobody reads, stay as they are."""
    for table in (log_position, message):
        connection.execute(update(table).where(table.c.server == old).values(server=new))


def forget(connection: Connection, server: str, now: float) -> int:
    """Forget how far a server's log was read, take its mails for gone from the queue, and return how many these were.

    Raises:
        LedgerError: there is no such server.
    """
    deleted = connection.execute(delete(log_position).where(log_position.c.server == server))
    is_open = (message.c.server == server, message.c.closed.is_(None))
    closed = connection.execute(update(message).where(*is_open).values(closed=now))
    if not deleted.rowcount + closed.rowcount:
        raise LedgerError(f"forget {server or 'the server without a name'}", "there is no such mail server")
    return closed.rowcount
