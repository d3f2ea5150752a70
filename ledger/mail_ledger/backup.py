"""Backup and restore of an SQLite ledger: back up while the services run, restore while they are stopped."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from mail_ledger import migrations
from mail_ledger.engine import LedgerError, open_engine, parse_url

_WAIT_SECONDS: Final = 5.0


class NotSqlite(LedgerError):
    """The ledger is on PostgreSQL, which has its own tools for backups; `reason` names the command."""


def backup(url: str, target: Path, *, overwrite: bool = False) -> None:
    """Copy the ledger into one file and check the copy. Writers of the ledger do not wait for it.

    Raises:
        NotSqlite: the ledger is on PostgreSQL.
        LedgerError: there is no ledger, the file exists or cannot be written, or the copy is damaged.
    """
    source = _path(url, "pg_dump --format=custom --file=FILE --dbname={}")
    action = f"back up {source}"
    if not source.is_file():
        raise LedgerError(action, "there is no such file")
    if target.exists() and (not overwrite or target.samefile(source)):
        raise LedgerError(action, f"{target} exists")
    part = target.with_name(f".{target.name}.part")
    with _as_ledger_error(action):
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        try:
            with _opened(source) as ledger, _opened(part) as copy:
                ledger.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a write-ahead log
                _check_pages(copy, action)
            _sync(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def restore(url: str, source: Path) -> None:
    """Replace the ledger's content by that of the backup, and migrate an older schema to this version's.

    Raises:
        NotSqlite: the ledger is on PostgreSQL.
        LedgerError: the file is not a backup, is damaged or newer than this version, or a service has the ledger
            open; the ledger is unchanged.
    """
    target = _path(url, "pg_restore --clean --if-exists --dbname={} FILE")
    action = f"restore {source}"
    if not source.is_file():
        raise LedgerError(action, "there is no such file")
    with _as_ledger_error(action), _opened(source, "?mode=ro&immutable=1") as copy:
        _check_pages(copy, action)
        _check_schema(copy, action)
        _move_aside_if_damaged(target)
        with _opened(target, "?mode=rwc") as ledger:
            _require_exclusive_use(ledger, action)
            copy.backup(ledger)
    open_engine(url).dispose()


def _path(url: str, command: str) -> Path:
    try:
        parsed = parse_url(url)
    except ValueError as error:
        raise LedgerError.of("find the ledger", error) from error
    if parsed.get_backend_name() == "postgresql":
        shown = parsed._replace(drivername="postgresql", password=None).set(query={}).render_as_string()
        raise NotSqlite("copy a PostgreSQL database", f"use its own tools: {command.format(shown)}")
    if parsed.database in (None, "", ":memory:"):
        raise LedgerError("find the ledger", "it is in memory only")
    return Path(str(parsed.database))


@contextmanager
def _as_ledger_error(action: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise LedgerError.of(action, error) from error


@contextmanager
def _opened(path: Path, options: str = "?mode=rw") -> Iterator[sqlite3.Connection]:
    uri = path.resolve().as_uri() + options
    with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
        yield connection


def _check_pages(connection: sqlite3.Connection, action: str) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise LedgerError(action, f"the copy is damaged: {found}")


def _check_schema(connection: sqlite3.Connection, action: str) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "log_position" not in tables:
        raise LedgerError(action, "this is not a ledger")
    if "alembic_version" in tables:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        try:
            migrations.check_revision(revision)
        except migrations.SchemaUnusable as error:
            raise LedgerError.of(action, error) from error


def _move_aside_if_damaged(target: Path) -> None:
    if not target.is_file():
        return
    try:
        with _opened(target) as ledger:
            ledger.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm"):
            damaged = target.with_name(target.name + suffix)
            if damaged.exists():
                damaged.replace(target.with_name(f"{target.name}.damaged{suffix}"))


def _require_exclusive_use(ledger: sqlite3.Connection, action: str) -> None:
    # SQLite cannot leave WAL mode while another connection is open, even an idle one.
    try:
        mode = ledger.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.OperationalError:
        mode = "wal"
    if mode != "delete":
        raise LedgerError(action, "the ledger is in use; stop mail-api and mail-exporter first")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
