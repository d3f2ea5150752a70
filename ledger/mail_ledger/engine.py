"""Opens the database behind LEDGER_URL, and says what went wrong without its password."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, SQLAlchemyError

from mail_ledger import connections, migrate


class LedgerError(RuntimeError):
    """The ledger could not be opened, read or written; `reason` holds the database's own words."""

    def __init__(self, action: str, reason: str) -> None:
        super().__init__(f"ledger: cannot {action}: {reason}")
        self.action = action
        self.reason = reason

    @property
    def is_about_value(self) -> bool:
        """Whether the database is well and only refused a value that it can't hold."""
        return isinstance(self.__cause__, DataError)

    @classmethod
    def of(cls, action: str, error: Exception) -> Self:
        """Return the error with the first line of what the database said."""
        return cls(action, str(getattr(error, "orig", None) or error).splitlines()[0])


def open_engine(url: str) -> Engine:
    """Connect and bring the schema to this version's.

    Raises:
        LedgerError: the URL is malformed, the database can't be reached or written, or is newer than this version.
    """
    try:
        engine = connections.connect(url)
        with _closed_on_failure(engine):
            migrate.upgrade(engine)
    except (SQLAlchemyError, ImportError, ValueError, migrate.SchemaUnusable) as error:
        raise LedgerError.of(f"open {connections.described(url)}", error) from error
    return engine


@contextmanager
def _closed_on_failure(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        engine.dispose()
        raise
