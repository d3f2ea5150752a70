"""Copies of an SQLite ledger, and back."""

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
    """Return where the backup goes."""
    return tmp_path / "backup.db"


def write(url: str, number: int) -> None:
    """Have a service write down a mail, and stop."""
    ledger = ApiLedger.open(url)
    ledger.submissions.begin(submission(number))
    ledger.close()


def knows(url: str, number: int) -> bool:
    """Tell whether the ledger knows the mail."""
    ledger = ApiLedger.open(url)
    found = ledger.submissions.get(f"msg_{number}")
    ledger.close()
    return found is not None


def test_backup_and_restore(url: str, file: Path) -> None:
    """A restored ledger is what it was when the backup was made."""
    write(url, 1)
    backup(url, file)
    write(url, 2)
    restore(url, file)
    assert knows(url, 1)
    assert not knows(url, 2)


def test_backup_while_in_use(url: str, ledger: ApiLedger, file: Path) -> None:
    """What is committed is in the backup, what is being written is not, and the writer goes on."""
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
    """A backup is one file that nobody else can read."""
    backup(url, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert ["backup.db"] == [path.name for path in file.parent.iterdir() if "backup" in path.name]


def test_backup_replaces_only_on_request(url: str, file: Path) -> None:
    """A file that exists stays, unless it is meant."""
    file.write_text("precious")
    with pytest.raises(LedgerError, match="exists"):
        backup(url, file)
    assert file.read_text() == "precious"
    backup(url, file, overwrite=True)
    restore(url, file)


def test_backup_never_replaces_the_ledger(url: str, ledger: ApiLedger) -> None:
    """The ledger is no place for its own backup."""
    ledger.submissions.begin(submission(1))
    with pytest.raises(LedgerError, match="exists"):
        backup(url, Path(url.removeprefix("sqlite:///")), overwrite=True)
    assert ledger.submissions.get("msg_1") is not None


@pytest.mark.parametrize("target", ["/no/such/folder/backup.db", "/proc/backup.db"])
def test_backup_without_a_place(url: str, target: str) -> None:
    """A backup that can't be written is told."""
    with pytest.raises(LedgerError, match="cannot back up"):
        backup(url, Path(target))


def test_backup_of_nothing(empty_url: str, file: Path) -> None:
    """There is no backup of a ledger that does not exist, and none comes to be."""
    with pytest.raises(LedgerError, match="no such file"):
        backup(empty_url, file)
    assert list(file.parent.iterdir()) == []


def test_restore_needs_the_ledger_alone(url: str, ledger: ApiLedger, file: Path) -> None:
    """While a service has the ledger open, even idle, nothing is restored."""
    ledger.submissions.begin(submission(1))
    backup(url, file)
    ledger.submissions.begin(submission(2))
    with pytest.raises(LedgerError, match="stop mail-api and mail-exporter first"):
        restore(url, file)
    assert ledger.submissions.get("msg_2") is not None
    ledger.submissions.begin(submission(3))


def test_restore_onto_nothing(url: str, file: Path, tmp_path: Path) -> None:
    """A lost ledger comes back."""
    write(url, 1)
    backup(url, file)
    fresh = f"sqlite:///{tmp_path}/fresh.db"
    restore(fresh, file)
    assert knows(fresh, 1)


def test_restore_over_a_damaged_ledger(url: str, file: Path) -> None:
    """A ledger that can't be read is put aside."""
    write(url, 1)
    backup(url, file)
    damaged = Path(url.removeprefix("sqlite:///"))
    damaged.write_bytes(b"not a database" * 1000)
    restore(url, file)
    assert knows(url, 1)
    assert damaged.with_name("ledger.db.damaged").read_bytes().startswith(b"not a database")


def damage(file: Path) -> None:
    """Overwrite a page in the middle."""
    content = bytearray(file.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    file.write_bytes(content)


def forget_what_it_is(file: Path) -> None:
    """Make another application's database of it."""
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE cookies (id INTEGER)")
    other.close()


def make_newer(file: Path) -> None:
    """Let a newer version have written it."""
    with sqlite3.connect(file) as copy:
        copy.execute("UPDATE alembic_version SET version_num = '9999'")
    copy.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(damage, "damaged|malformed", id="damaged"),
        pytest.param(forget_what_it_is, "not a ledger", id="another database"),
        pytest.param(lambda file: file.write_text("text " * 100), "not a database", id="no database"),
        pytest.param(Path.unlink, "no such file", id="not there"),
        pytest.param(make_newer, "newer than this version", id="newer"),
    ],
)
def test_bad_backup_changes_nothing(url: str, file: Path, change: "type[Path]", reason: str) -> None:
    """A backup that is none leaves the ledger as it is."""
    backup(url, file)
    write(url, 1)
    change(file)
    with pytest.raises(LedgerError, match=reason):
        restore(url, file)
    assert knows(url, 1)


def test_older_backup_is_upgraded(empty_url: str, file: Path) -> None:
    """A backup of the first version becomes a ledger of this one."""
    with sqlite3.connect(file) as old:
        old.execute(
            "CREATE TABLE log_position (log VARCHAR(512) PRIMARY KEY, head_length BIGINT NOT NULL, "
            "head_hash VARCHAR(64) NOT NULL, offset BIGINT NOT NULL, stored_at FLOAT NOT NULL)"
        )
        old.execute("CREATE TABLE open_mail (queue_id VARCHAR(64) PRIMARY KEY, state JSON NOT NULL)")
    old.close()
    restore(empty_url, file)
    write(empty_url, 1)
    assert knows(empty_url, 1)


def test_postgresql_has_its_own_tools(file: Path) -> None:
    """A PostgreSQL ledger's error names the command, without the password."""
    with pytest.raises(NotSqlite, match=r"pg_dump --format=custom --file=FILE --dbname=postgresql://mail@db/ledger"):
        backup(POSTGRESQL, file)
    with pytest.raises(NotSqlite, match="pg_restore"):
        restore(POSTGRESQL, file)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense"])
def test_ledger_without_a_file(url: str, file: Path) -> None:
    """What is in memory only, or nowhere, can't be copied."""
    with pytest.raises(LedgerError, match="cannot find the ledger"):
        backup(url, file)


def test_engine_after_restore_uses_wal(url: str, file: Path) -> None:
    """Services find the restored ledger as they know it."""
    backup(url, file)
    restore(url, file)
    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()
