"""Relay quota read from the ledger."""

import pytest
from sqlalchemy import Engine

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.quota import RelayQuota, Use
from mail_ledger.submissions import SubmissionAccepted, SubmissionFailed, SubmissionUnknown
from mail_telemetry.names import Entry
from tests.unit.ledger.fakes import DAY, HOUR, NOW, Clock, MailServer, submission


def test_empty(ledger: ApiLedger) -> None:
    """A new ledger has no used recipients."""
    quota = ledger.quota.read()
    assert (NOW, 10, 0, 0, None) == (quota.now, quota.limit, quota.used, quota.in_queue, quota.exhausted_until)


def test_accepted_recipients(ledger: ApiLedger, mail_server: MailServer) -> None:
    """Recipients count for a day from their own attempt, whatever the entry of the mail."""
    mail_server.relay(2, arrived=NOW - 10)
    mail_server.relay(arrived=NOW - DAY)
    public = mail_server.take(entry="public")
    mail_server.attempt(public, forwarded=True, ended=NOW - 5)
    quota = ledger.quota.read()
    assert quota.uses == (Use(Entry.API, False, 2), Use(Entry.PUBLIC, True, 1))
    assert quota.releases == (NOW - 10 + DAY, NOW - 10 + DAY, NOW - 5 + DAY)


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"status": "deferred"}, id="deferred"),
        pytest.param({"status": "bounced"}, id="bounced"),
        pytest.param({"counted": False, "relay": "local"}, id="delivered elsewhere"),
    ],
)
def test_recipients_that_do_not_count(ledger: ApiLedger, mail_server: MailServer, columns: dict[str, object]) -> None:
    """Only recipients that the configured relay accepted count."""
    mail_server.attempt(mail_server.take(), **columns)
    assert ledger.quota.read().used == 0


def test_one_relay_of_several(engine: Engine, mail_server: MailServer, clock: Clock) -> None:
    """With a relay's host name, only its recipients count."""
    for host in ("SMTP.gmail.com", "smtp.gmail.com.example", "smtpXgmail.com"):
        mail_server.attempt(mail_server.take(), relay=f"{host}[192.0.2.1]:587")
    assert RelayQuota(engine, 10, relay="smtp.Gmail.com", now=clock).read().used == 1
    assert RelayQuota(engine, 10, now=clock).read().used == 3


def test_window_of_a_demo(engine: Engine, mail_server: MailServer, clock: Clock) -> None:
    """With a shorter window, recipients leave it sooner."""
    mail_server.relay(arrived=NOW - 61)
    mail_server.relay(arrived=NOW - 59)
    assert RelayQuota(engine, 10, window=60, now=clock).read().releases == (NOW + 1,)


def test_queue(ledger: ApiLedger, mail_server: MailServer) -> None:
    """Unfinished recipients of open mails are in the queue; those of closed mails are not."""
    mail_server.take(recipient_count=5, recipients_finished=2)
    mail_server.take(recipient_count=5, recipients_finished=2, closed=NOW)
    assert ledger.quota.read().in_queue == 3


def test_pending_submission(ledger: ApiLedger, mail_server: MailServer) -> None:
    """A submission counts once, from its beginning; a failed one does not count."""
    for number, outcome in enumerate(
        (None, SubmissionAccepted("4jX"), SubmissionUnknown("no_reply"), SubmissionFailed("refused"))
    ):
        ledger.submissions.begin(submission(number, "a@x.org", "b@x.org"))
        if outcome:
            ledger.submissions.finish(f"msg_{number}", outcome)
    assert ledger.quota.read().in_queue == 6
    mail_server.take(api_id="msg_0", recipient_count=2)
    mail_server.relay(2, api_id="msg_1")
    quota = ledger.quota.read()
    assert (2, 4) == (quota.used, quota.in_queue)


def test_log_that_is_not_read(ledger: ApiLedger, clock: Clock) -> None:
    """When the log is not read, submissions of the window still count."""
    ledger.submissions.begin(submission(1))
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    clock.advance(DAY - 1)
    assert ledger.quota.read().in_queue == 1
    clock.advance(1)
    assert ledger.quota.read().in_queue == 0


@pytest.mark.parametrize(
    ("columns", "until"),
    [
        pytest.param({}, NOW + HOUR - 60, id="refused"),
        pytest.param({"cause": "rate"}, None, id="refused for another reason"),
        pytest.param({"suspended": True}, None, id="reply repeated by Postfix"),
        pytest.param({"ended": NOW - HOUR}, None, id="old refusal"),
    ],
)
def test_refusal(ledger: ApiLedger, mail_server: MailServer, columns: dict[str, object], until: float | None) -> None:
    """A "limit exceeded" reply overrides the count."""
    refusal = {"status": "deferred", "cause": "quota", "ended": NOW - 60, **columns}
    mail_server.attempt(mail_server.take(), **refusal)
    quota = ledger.quota.read()
    assert until == quota.exhausted_until
    assert quota.remaining == (0 if until else 10)


def test_refusal_ends_with_an_accepted_mail(ledger: ApiLedger, mail_server: MailServer) -> None:
    """A recipient that the relay accepts ends the exhaustion."""
    mail_server.attempt(mail_server.take(), status="deferred", cause="quota", ended=NOW - 60)
    mail_server.relay(arrived=NOW - 50)
    assert not ledger.quota.read().exhausted


def test_refusal_ends_when_a_recipient_leaves_the_window(ledger: ApiLedger, mail_server: MailServer) -> None:
    """A recipient that has left the window since the reply ends the exhaustion, although it no longer counts."""
    mail_server.relay(arrived=NOW - DAY - 30)
    mail_server.attempt(mail_server.take(), status="deferred", cause="quota", ended=NOW - 60)
    assert not ledger.quota.read().exhausted
