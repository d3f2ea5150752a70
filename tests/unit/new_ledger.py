"""New ledgers for tests, without the time of migrations: one database is migrated and copied."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection

from mail_ledger import Ledger
from mail_ledger.engine import connect, open_engine


def in_memory() -> Ledger:
    """Return a new ledger in memory."""
    engine = connect("sqlite://")
    with engine.connect() as connection:
        _driver(connection).deserialize(_migrated())
    return Ledger(engine)


def in_file(path: Path) -> Ledger:
    """Return a new ledger in a new file."""
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
    """Return a file that is already in WAL mode, since the switch waits for the disk."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        open_engine(f"sqlite:///{path}").dispose()
        return path.read_bytes()


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - the driver's own connection
    return connection.connection.driver_connection
