"""Health of the mail flow."""

import pytest

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.health import STUCK_SECONDS, UNSEEN_SECONDS
from mail_ledger.submissions import SubmissionAccepted
from mail_telemetry.causes import Cause
from tests.unit.ledger.fakes import NOW, Clock, MailServer, submission


def test_nothing_known(ledger: ApiLedger) -> None:
    """A new ledger has no problems."""
    assert ledger.health.problems() == {}


def test_credentials(ledger: ApiLedger, mail_server: MailServer) -> None:
    """A rejected login is a problem until the relay accepts a mail."""
    mail_server.relay(arrived=NOW - 20)
    mail_server.attempt(mail_server.take(), status="deferred", cause=Cause.AUTH, ended=NOW - 10)
    assert set(ledger.health.problems()) == {"relay"}
    mail_server.relay(arrived=NOW - 5)
    assert ledger.health.problems() == {}


@pytest.mark.parametrize(
    "columns", [{"suspended": True}, {"cause": Cause.RECIPIENT}], ids=["no login attempt", "other cause"]
)
def test_not_credentials(ledger: ApiLedger, mail_server: MailServer, columns: dict[str, object]) -> None:
    """Only the relay's own reply to our login is a login problem."""
    mail_server.attempt(mail_server.take(), **{"status": "deferred", "cause": Cause.AUTH, **columns})
    assert ledger.health.problems() == {}


def test_stuck_queue(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """An old mail is a problem only when the relay has accepted none since its arrival."""
    mail_server.attempt(mail_server.take(), status="deferred", cause=Cause.CONNECT)
    clock.advance(STUCK_SECONDS)
    assert ledger.health.problems() == {}
    clock.advance(1)
    assert set(ledger.health.problems()) == {"queue"}
    mail_server.relay()
    assert ledger.health.problems() == {}


def test_unread_log(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A mail that the mail server accepted and that is not logged within a minute is a problem."""
    ledger.submissions.begin(submission(1))
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jXSsP1"))
    clock.advance(UNSEEN_SECONDS - 1)
    assert ledger.health.problems() == {}
    clock.advance(1)
    assert set(ledger.health.problems()) == {"log"}
    mail_server.take(api_id="msg_1")
    assert ledger.health.problems() == {}


def test_gap_in_the_log(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A mail that is missing from the log is no problem once a later one is logged."""
    for number in (1, 2):
        ledger.submissions.begin(submission(number))
        ledger.submissions.finish(f"msg_{number}", SubmissionAccepted(None))
        clock.advance(UNSEEN_SECONDS)
    assert set(ledger.health.problems()) == {"log"}
    mail_server.take(api_id="msg_2")
    assert ledger.health.problems() == {}
