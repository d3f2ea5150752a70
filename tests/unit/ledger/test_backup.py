"""Backup and restore of an SQLite ledger."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from mail_ledger import LedgerError
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.backup import NotSqlite, backup, restore
from mail_ledger.engine import connect, open_engine
from tests.unit.ledger.fakes import submission

POSTGRESQL = "postgresql+psycopg://mail:hunter2@db/ledger"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the backup."""
    return tmp_path / "backup.db"


def write(url: str, number: int) -> None:
    """Store a submission and close the ledger, as a service does."""
    ledger = ApiLedger.open(url)
    ledger.submissions.begin(submission(number))
    ledger.close()


def contains(url: str, number: int) -> bool:
    """Return whether the ledger contains the submission."""
    ledger = ApiLedger.open(url)
    found = ledger.submissions.get(f"msg_{number}")
    ledger.close()
    return found is not None


def test_backup_and_restore(url: str, file: Path) -> None:
    """A restored ledger has the content of the time of the backup."""
    write(url, 1)
    backup(url, file)
    write(url, 2)
    restore(url, file)
    assert contains(url, 1)
    assert not contains(url, 2)


def test_backup_while_in_use(url: str, ledger: ApiLedger, file: Path) -> None:
    """The backup contains committed changes only, and does not block the writer."""
    ledger.submissions.begin(submission(1))
    writer = connect(url)
    with writer.begin() as connection:
        connection.execute(text("UPDATE submission SET state = 'lost'"))
        backup(url, file)
    writer.dispose()
    with sqlite3.connect(file) as copy:
        assert [("pending",)] == copy.execute("SELECT state FROM submission").fetchall()
    copy.close()


def test_backup_is_one_private_file(url: str, file: Path) -> None:
    """A backup is one file that only its owner can read."""
    backup(url, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert ["backup.db"] == [path.name for path in file.parent.iterdir() if "backup" in path.name]


def test_backup_replaces_only_on_request(url: str, file: Path) -> None:
    """An existing file is replaced only with `overwrite`."""
    file.write_text("precious")
    with pytest.raises(LedgerError, match="exists"):
        backup(url, file)
    assert file.read_text() == "precious"
    backup(url, file, overwrite=True)
    restore(url, file)


def test_backup_never_replaces_the_ledger(url: str, ledger: ApiLedger) -> None:
    """A backup never replaces the ledger itself."""
    ledger.submissions.begin(submission(1))
    with pytest.raises(LedgerError, match="exists"):
        backup(url, Path(url.removeprefix("sqlite:///")), overwrite=True)
    assert ledger.submissions.get("msg_1") is not None


@pytest.mark.parametrize("target", ["/no/such/folder/backup.db", "/proc/backup.db"])
def test_backup_to_unwritable_path(url: str, target: str) -> None:
    """A backup that cannot be written raises an error."""
    with pytest.raises(LedgerError, match="cannot back up"):
        backup(url, Path(target))


def test_backup_of_a_missing_ledger(empty_url: str, file: Path) -> None:
    """A backup of a missing ledger fails and creates no file."""
    with pytest.raises(LedgerError, match="no such file"):
        backup(empty_url, file)
    assert list(file.parent.iterdir()) == []


def test_restore_while_in_use(url: str, ledger: ApiLedger, file: Path) -> None:
    """A restore fails while a service has the ledger open, even without a transaction."""
    ledger.submissions.begin(submission(1))
    backup(url, file)
    ledger.submissions.begin(submission(2))
    with pytest.raises(LedgerError, match="stop mail-api and mail-exporter first"):
        restore(url, file)
    assert ledger.submissions.get("msg_2") is not None
    ledger.submissions.begin(submission(3))


def test_restore_without_a_ledger(url: str, file: Path, tmp_path: Path) -> None:
    """A backup is restored where there is no ledger."""
    write(url, 1)
    backup(url, file)
    fresh = f"sqlite:///{tmp_path}/fresh.db"
    restore(fresh, file)
    assert contains(fresh, 1)


def test_restore_over_a_damaged_ledger(url: str, file: Path) -> None:
    """A damaged ledger is renamed before the restore."""
    write(url, 1)
    backup(url, file)
    damaged = Path(url.removeprefix("sqlite:///"))
    damaged.write_bytes(b"not a database" * 1000)
    restore(url, file)
    assert contains(url, 1)
    assert damaged.with_name("ledger.db.damaged").read_bytes().startswith(b"not a database")


def damage(file: Path) -> None:
    """Overwrite one page of the file."""
    content = bytearray(file.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    file.write_bytes(content)


def replace_by_other_database(file: Path) -> None:
    """Replace the file by a database of another application."""
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE cookies (id INTEGER)")
    other.close()


def make_newer(file: Path) -> None:
    """Change the schema revision to that of a newer version."""
    with sqlite3.connect(file) as copy:
        copy.execute("UPDATE alembic_version SET version_num = '9999'")
    copy.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(damage, "damaged|malformed", id="damaged"),
        pytest.param(replace_by_other_database, "not a ledger", id="another database"),
        pytest.param(lambda file: file.write_text("text " * 100), "not a database", id="no database"),
        pytest.param(Path.unlink, "no such file", id="missing file"),
        pytest.param(make_newer, "newer than this version", id="newer"),
    ],
)
def test_bad_backup_changes_nothing(url: str, file: Path, change: "type[Path]", reason: str) -> None:
    """An invalid backup leaves the ledger unchanged."""
    backup(url, file)
    write(url, 1)
    change(file)
    with pytest.raises(LedgerError, match=reason):
        restore(url, file)
    assert contains(url, 1)


def test_older_backup_is_upgraded(empty_url: str, file: Path) -> None:
    """A restored backup of the first version is migrated."""
    with sqlite3.connect(file) as old:
        old.execute(
            "CREATE TABLE log_position (log VARCHAR(512) PRIMARY KEY, head_length BIGINT NOT NULL, "
            "head_hash VARCHAR(64) NOT NULL, offset BIGINT NOT NULL, stored_at FLOAT NOT NULL)"
        )
        old.execute("CREATE TABLE open_mail (queue_id VARCHAR(64) PRIMARY KEY, state JSON NOT NULL)")
    old.close()
    restore(empty_url, file)
    write(empty_url, 1)
    assert contains(empty_url, 1)


def test_postgresql_has_its_own_tools(file: Path) -> None:
    """A PostgreSQL ledger's error names the command, without the password."""
    with pytest.raises(NotSqlite, match=r"pg_dump --format=custom --file=FILE --dbname=postgresql://mail@db/ledger"):
        backup(POSTGRESQL, file)
    with pytest.raises(NotSqlite, match="pg_restore"):
        restore(POSTGRESQL, file)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense"])
def test_ledger_without_a_file(url: str, file: Path) -> None:
    """A ledger in memory, or with an invalid URL, cannot be backed up."""
    with pytest.raises(LedgerError, match="cannot find the ledger"):
        backup(url, file)


def test_engine_after_restore_uses_wal(url: str, file: Path) -> None:
    """A restored ledger is in WAL mode when a service opens it."""
    backup(url, file)
    restore(url, file)
    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()
