"""Schema migrations of the ledger: Alembic scripts in `versions`, run by one process at a time at a service's start."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

HEAD: Final = "0007"
"""The schema that this version's code works with: the revision of the newest script."""

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""The revisions of all scripts, oldest first; listed here so that a start need not read the scripts."""

LOCK_ID: Final = 0x6D61696C  # "mail"
"""The id of PostgreSQL's advisory lock that a migration holds."""

_UNVERSIONED: Final = "log_position"
"""A table of databases that are older than the migrations."""

_WAIT_SECONDS: Final = 60
"""Longest wait for another process's migration, and longest run time of a single statement of one."""

_one_at_a_time: Final = threading.Lock()  # Alembic's scripts use module-level proxies


class SchemaUnusable(RuntimeError):
    """The database was written by a newer version."""


def is_current(connection: Connection) -> bool:
    """Return whether the schema is this version's; it takes no lock.

    Raises:
        SchemaUnusable: the database is newer than the code.
    """
    found = revision(connection)
    check_revision(found)
    return found == HEAD


def upgrade(engine: Engine) -> None:
    """Migrate the schema to this version's; an empty database gets all tables.

    Raises:
        SchemaUnusable: the database is newer than the code.
        SQLAlchemyError: it cannot be reached or written.
    """
    with _one_at_a_time, _locked(engine) as connection:
        if not is_current(connection):
            _migrate(connection)


def revision(connection: Connection) -> str | None:
    """Return the database's schema revision, or None when it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def check_revision(found: str | None) -> None:
    """Check that this version can work with the revision; None, of a database without one, is accepted.

    Raises:
        SchemaUnusable: the revision is newer than the code.
    """
    if found is not None and found not in REVISIONS:
        raise SchemaUnusable(
            f"its schema {found} is newer than this version, which supports {HEAD}; "
            "run the newer version, or restore a backup that is older"
        )


def _migrate(connection: Connection) -> None:
    # Imported here: a start that has nothing to migrate saves the time and memory.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "mail_ledger:migrations")
    config.attributes["connection"] = connection
    if revision(connection) is None and inspect(connection).has_table(_UNVERSIONED):
        command.stamp(config, REVISIONS[0])
    command.upgrade(config, HEAD)


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that no other process's migration can run beside."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with _longer_busy_timeout(connection), connection.begin():
                yield connection
            return
        with connection.begin():
            for name in ("lock_timeout", "statement_timeout"):
                connection.execute(text(f"SET LOCAL {name} = '{_WAIT_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})
            yield connection


@contextmanager
def _longer_busy_timeout(connection: Connection) -> Iterator[None]:
    driver = connection.connection.driver_connection
    if driver is None:  # closed meanwhile; the next statement raises
        yield
        return
    usual = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute(f"PRAGMA busy_timeout={_WAIT_SECONDS * 1000}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={usual}")
