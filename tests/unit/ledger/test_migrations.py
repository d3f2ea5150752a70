"""Schema migrations."""

from typing import Any, Final, NamedTuple

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, BigInteger, Column, Engine, Float, MetaData, String, Table, inspect, select, text

from mail_ledger import Ledger, LedgerError, LogPosition, MessageRow, migrations, tables
from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.engine import connect, open_engine
from mail_ledger.idempotency import IdempotencyKey, Replay
from mail_ledger.status import State
from mail_ledger.submissions import SubmissionAccepted
from tests.older_ledger import write_older
from tests.unit.ledger.fakes import HOUR, NOW, Clock, MailServer, attempt_row, message_row, submission

pytestmark = pytest.mark.slow

LOG = "/var/log/mail/mail.log"
POSITION = LogPosition(8, "ab" * 32, 1 << 40)
ONCE: Final = IdempotencyKey("key:shop", "order-17")


class Stored(NamedTuple):
    """The API key in a ledger, and its mail that waits in the queue."""

    key: str
    waiting: MessageRow


def first_version(engine: Engine, *states: dict[str, Any]) -> None:
    """Create a database of the first version, with these open mails."""
    old = MetaData()
    log_position = Table(
        "log_position",
        old,
        Column("log", String(512), primary_key=True),
        Column("head_length", BigInteger, nullable=False),
        Column("head_hash", String(64), nullable=False),
        Column("offset", BigInteger, nullable=False),
        Column("stored_at", Float, nullable=False),
    )
    open_mail = Table(
        "open_mail",
        old,
        Column("queue_id", String(64), primary_key=True),
        Column("state", JSON, nullable=False),
    )
    with engine.begin() as connection:
        old.create_all(connection)
        connection.execute(log_position.insert().values(log=LOG, stored_at=NOW, **POSITION._asdict()))
        for state in states:
            connection.execute(open_mail.insert().values(queue_id=state["queue_id"], state=state))


def revisions() -> list[str]:
    """Return the scripts' revisions, oldest first."""
    config = Config()
    config.set_main_option("script_location", "mail_ledger:migrations")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def test_code_lists_its_migrations() -> None:
    """The revisions listed in the code are those of the scripts."""
    assert revisions() == list(migrations.REVISIONS)
    assert revisions()[-1] == migrations.HEAD


def test_migrations_make_the_tables(empty_url: str) -> None:
    """A migrated database has the tables, columns, types and indexes of the code."""
    engine = open_engine(empty_url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata)
    engine.dispose()
    # Comments of columns are documentation; the migrations do not create them.
    assert [] == [difference for difference in found if "comment" not in str(difference[0])]


def test_first_version_is_upgraded(empty_url: str) -> None:
    """Position and open mails of the first version are kept by the upgrade."""
    engine = connect(empty_url)
    state = {
        "queue_id": "4jX",
        "host": "mail",
        "arrived": NOW,
        "entry": "api",
        "message_id": "msg_1",
        "traceparent": "00-ab-cd-01",
        "size": 7,
        "recipient_count": 1,
        "activations": 2,
        "attempted": 2,
        "waiting_since": NOW + 1,
    }
    first_version(engine, state)
    engine.dispose()
    ledger = Ledger.open(empty_url)
    assert POSITION == ledger.position(LOG)
    expected = message_row(
        id="4jX",
        queue_id="4jX",
        host="mail",
        api_id="msg_1",
        traceparent="00-ab-cd-01",
        size=7,
        activations=2,
        attempted=2,
        waiting_since=NOW + 1,
    )
    assert [expected] == list(ledger.open_messages())
    ledger.close()


def test_version_between_two_releases_is_upgraded(empty_url: str) -> None:
    """A database whose tables were created without a migration keeps its rows."""
    engine = connect(empty_url)
    first_version(engine)
    tables.metadata.create_all(engine, tables=[tables.message, tables.attempt])
    mail = message_row()
    with engine.begin() as connection:
        connection.execute(tables.message.insert().values(mail))
        connection.execute(tables.attempt.insert().values(attempt_row(mail)))
        for younger in ("DROP INDEX ix_attempt_counted", "ALTER TABLE message DROP COLUMN server"):
            connection.execute(text(younger))
    engine.dispose()
    after = Ledger.open(empty_url)
    assert POSITION == after.position(LOG)
    assert [mail] == list(after.open_messages())
    assert len(after.attempts(mail.id)) == 1
    after.close()


def store(engine: Engine, clock: Clock) -> Stored:
    """Store an API key, a mail that was relayed an hour ago, one in the queue, and a log position."""
    ledger, exporter = ApiLedger(engine, Rules(now=clock)), Ledger(engine)
    mail_server = MailServer(exporter, clock)
    key = ledger.keys.create("shop")
    ledger.idempotency.claim(submission(1), ONCE, "payload")
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    mail_server.relay(2, arrived=NOW - HOUR, api_id="msg_1")
    exporter.checkpoint(log=LOG, position=POSITION, messages=[], attempts=[])
    return Stored(key, mail_server.take(api_id="msg_2"))


@pytest.mark.parametrize("revision", migrations.REVISIONS[:-1])
def test_each_older_schema(url: str, empty_url: str, engine: Engine, clock: Clock, revision: str) -> None:
    """Every row that a version with that schema had is there after the upgrade, with the same meaning."""
    stored = store(engine, clock)
    write_older(url, empty_url, revision)
    upgraded = open_engine(empty_url)
    exporter, api = Ledger(upgraded), ApiLedger(upgraded, Rules(now=clock))
    assert POSITION == exporter.position(LOG)
    assert [stored.waiting] == list(exporter.open_messages())
    if revision >= "0002":
        assert (api.quota.read().used, api.quota.read().in_queue) == (2, 1)
    if revision >= "0003":
        key, status = api.keys.verify(stored.key), api.statuses.get("msg_1")
        assert key is not None
        assert not key.may_release
        assert status is not None
        assert status.state is State.RELAYED
        assert isinstance(api.idempotency.claim(submission(3), ONCE, "payload"), Replay)
    upgraded.dispose()


def test_newer_schema(url: str) -> None:
    """A database of a newer version is not changed, and the error names the fix."""
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(LedgerError, match=r"schema 9999 is newer .* run the newer version"):
        open_engine(url)


def test_failed_migration_leaves_nothing(empty_url: str) -> None:
    """A migration that fails changes nothing, and can be run again."""
    engine = connect(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE api_key (stranger INTEGER)"))
    with pytest.raises(LedgerError, match="api_key"):
        open_engine(empty_url)
    assert ["api_key"] == inspect(engine).get_table_names()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE api_key"))
    engine.dispose()
    open_engine(empty_url).dispose()


def test_start_without_migration_does_not_wait(url: str) -> None:
    """A start without a migration does not wait for a writer."""
    busy = connect(url)
    with busy.begin() as connection:
        connection.execute(text("UPDATE log_position SET stored_at = 0"))
        if busy.dialect.name == "postgresql":
            connection.execute(select(text(f"pg_advisory_xact_lock({migrations.LOCK_ID})")))
        open_engine(url).dispose()
    busy.dispose()
