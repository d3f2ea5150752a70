"""Brings the database's schema to this version's, one process at a time; Alembic's scripts lie in `migrations`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from mail_ledger.connections import READS

HEAD: Final = "0006"
"""The schema that this version's code works with: the newest script's revision."""

_KNOWN: Final = ("0001", "0002", "0003", "0004", "0005", "0006")
_UNVERSIONED: Final = "log_position"
"""A table that databases have which are older than the migrations."""

_LOCK_ID: Final = 0x6D61696C  # "mail": any number that nobody else locks
_WAIT_SECONDS: Final = 60
"""How long a process waits for another one's migration, and a single statement of one may take."""

_one_at_a_time: Final = threading.Lock()  # Alembic's scripts talk to module-level proxies


class SchemaUnusable(RuntimeError):
    """The database was written by a newer version."""


def upgrade(engine: Engine) -> None:
    """Make the schema this version's; an empty database gets all of it. Nothing is locked when it already is.

    Raises:
        SchemaUnusable: the database is newer than the code.
        SQLAlchemyError: it can't be reached or written.
    """
    with engine.connect().execution_options(**READS) as connection:
        if _is_current(connection):
            return
    with _one_at_a_time, _alone(engine) as connection:
        if not _is_current(connection):
            _migrate(connection)


def version(connection: Connection) -> str | None:
    """Return the database's schema revision, or None when it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def check(found: str | None) -> None:
    """Accept a revision that this version knows, or none.

    Raises:
        SchemaUnusable: it is newer.
    """
    if found is not None and found not in _KNOWN:
        raise SchemaUnusable(
            f"its schema {found} is newer than this version, which knows {HEAD}; "
            "run the newer version, or restore a backup that is older"
        )


def _is_current(connection: Connection) -> bool:
    found = version(connection)
    check(found)
    return found == HEAD


def _migrate(connection: Connection) -> None:
    # Imported here: a start that has nothing to migrate saves its time and memory.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "mail_ledger:migrations")
    config.attributes["connection"] = connection
    if version(connection) is None and inspect(connection).has_table(_UNVERSIONED):
        command.stamp(config, _KNOWN[0])
    command.upgrade(config, HEAD)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with _patient_sqlite(connection):
                yield connection
            return
        with connection.begin():
            for name in ("lock_timeout", "statement_timeout"):
                connection.execute(text(f"SET LOCAL {name} = '{_WAIT_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK_ID})
            yield connection


@contextmanager
def _patient_sqlite(connection: Connection) -> Iterator[None]:
    driver = connection.connection.driver_connection
    if driver is None:  # closed under our hands; the next statement says so
        return
    usual = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute(f"PRAGMA busy_timeout={_WAIT_SECONDS * 1000}")
    try:
        with connection.begin():
            yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={usual}")
