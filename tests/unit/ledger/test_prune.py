"""Retention: deletion of old mails and submissions."""

from sqlalchemy import Engine, func, select

from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.prune import Pruned
from mail_ledger.tables import attempt
from tests.unit.ledger.fakes import DAY, NOW, Clock, MailServer, submission


def no_wait(_: float) -> None:
    """Do not wait between two batches."""


def test_old_mails_are_deleted(ledger: ApiLedger, mail_server: MailServer, engine: Engine) -> None:
    """A mail that left the queue before that time is deleted with its attempts; a younger one is kept."""
    mail_server.relay(3, arrived=NOW - 31 * DAY)
    young = mail_server.relay(arrived=NOW - 29 * DAY)
    assert ledger.prune(30, no_wait) == Pruned(messages=1, submissions=0)
    with engine.connect() as connection:
        assert [young.id] == connection.execute(select(attempt.c.message)).scalars().all()
    assert ledger.prune(30, no_wait) == Pruned(0, 0)


def test_mails_in_the_queue_stay(ledger: ApiLedger, mail_server: MailServer, engine: Engine, clock: Clock) -> None:
    """A mail in the queue and its submission are kept, however old."""
    ledger.submissions.begin(submission(1))
    mail = mail_server.take(api_id="msg_1")
    clock.advance(40 * DAY)
    assert ledger.prune(30, no_wait) == Pruned(0, 0)
    assert [mail.id] == [found.id for found in Ledger(engine).open_messages()]
    mail_server.change(mail, closed=clock.now)
    assert ledger.prune(30, no_wait) == Pruned(0, 0)
    clock.advance(31 * DAY)
    assert ledger.prune(30, no_wait) == Pruned(1, 1)


def test_incomplete_mails_are_deleted(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A mail whose transfer was interrupted is deleted by its arrival time."""
    mail = mail_server.take()
    mail_server.change(mail, activations=0)
    assert ledger.prune(30, no_wait) == Pruned(0, 0)
    clock.advance(31 * DAY)
    assert ledger.prune(30, no_wait) == Pruned(1, 0)


def test_submissions_without_a_mail_are_deleted(ledger: ApiLedger, clock: Clock) -> None:
    """A submission without a mail in the log is deleted by its own age."""
    ledger.submissions.begin(submission(1))
    clock.advance(31 * DAY)
    ledger.submissions.begin(submission(2))
    assert ledger.prune(30, no_wait) == Pruned(0, 1)
    assert ledger.submissions.get("msg_2") is not None


def test_quota_keeps_its_day(ledger: ApiLedger, mail_server: MailServer) -> None:
    """Mails of the quota's window are kept with any retention."""
    mail_server.relay(arrived=NOW - DAY + 1)
    assert ledger.prune(0, no_wait) == Pruned(0, 0)
    assert ledger.quota.read().used == 1


def test_small_batches(ledger: ApiLedger, mail_server: MailServer) -> None:
    """Mails are deleted in several transactions, and other writers can write in the pauses."""
    for _ in range(120):
        mail_server.relay(arrived=NOW - 31 * DAY)
    begun: list[int] = []

    def write(_: float) -> None:
        begun.append(len(begun))
        ledger.submissions.begin(submission(len(begun)))

    assert ledger.prune(30, write) == Pruned(120, 0)
    assert len(begun) >= 3


def test_no_connection_in_a_pause(ledger: ApiLedger, mail_server: MailServer, engine: Engine) -> None:
    """No connection is in use during a pause."""
    mail_server.relay(arrived=NOW - 31 * DAY)
    pools: list[str] = []
    ledger.prune(30, lambda _: pools.append(engine.pool.status()))
    assert [True] == [pool.endswith("Checked out connections: 0") for pool in pools]
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(attempt)).scalar_one() == 0
