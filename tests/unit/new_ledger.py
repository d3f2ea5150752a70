"""New ledgers without the time that migrations take: one database is migrated, all others are its copies."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection

from mail_ledger import Ledger
from mail_ledger.connections import connect
from mail_ledger.engine import open_engine


def in_memory() -> Ledger:
    """Return a new ledger in memory."""
    engine = connect("sqlite://")
    with engine.connect() as connection:
        _driver(connection).deserialize(_migrated())
    return Ledger(engine)


def in_file(path: Path) -> Ledger:
    """Return a new ledger in a file, which is made."""
    path.write_bytes(_migrated_file())
    return Ledger.open(f"sqlite:///{path}")


@cache
def _migrated() -> bytes:
    engine = open_engine("sqlite://")
    with engine.connect() as connection:
        found: bytes = _driver(connection).serialize()
    engine.dispose()
    return found


@cache
def _migrated_file() -> bytes:
    """Return a file that is in WAL mode already: the switch waits for the disk."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        open_engine(f"sqlite:///{path}").dispose()
        return path.read_bytes()


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - the driver's own connection
    return connection.connection.driver_connection
