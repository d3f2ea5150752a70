"""One transaction, to read or to write; whatever the database complains about becomes a LedgerError."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from mail_ledger.connections import READS
from mail_ledger.engine import LedgerError


@contextmanager
def reading(engine: Engine, action: str) -> Iterator[Connection]:
    """Yield a connection that sees one state of the ledger and waits for no writer of SQLite.

    Raises:
        LedgerError: the database can't be read; `action` says what for.
    """
    try:
        with engine.connect().execution_options(**READS) as connection:
            yield connection
    except SQLAlchemyError as error:
        raise LedgerError.of(action, error) from error


@contextmanager
def writing(engine: Engine, action: str) -> Iterator[Connection]:
    """Yield a connection whose changes are stored when the block ends, all or nothing.

    Raises:
        LedgerError: nothing was stored; `action` says what.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise LedgerError.of(action, error) from error
