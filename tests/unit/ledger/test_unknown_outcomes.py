"""Resolution of unknown outcomes from the mail log."""

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.submissions import Submission, SubmissionUnknown, TimeLimits
from mail_ledger.tables import SubmissionState
from mail_ledger.unknown_outcomes import NOT_IN_LOG, Resolved
from tests.unit.ledger.fakes import DAY, NOW, Clock, MailServer, submission

LIMITS = TimeLimits()


def stored(ledger: ApiLedger, submission_id: str = "msg_1") -> Submission:
    """Return the submission, which has to be stored."""
    found = ledger.submissions.get(submission_id)
    assert found is not None
    return found


def unknown(ledger: ApiLedger, clock: Clock) -> None:
    """Store a submission of unknown outcome, five seconds after NOW."""
    ledger.submissions.begin(submission(1))
    clock.advance(5)
    ledger.submissions.finish("msg_1", SubmissionUnknown("no_reply"))


def test_log_shows_that_it_was_accepted(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """An unknown outcome is accepted once the log has the mail."""
    unknown(ledger, clock)
    mail = mail_server.take(api_id="msg_1")
    assert ledger.unknown_outcomes.resolve() == Resolved(accepted=1, failed=0, still_unknown=0)
    found = stored(ledger)
    assert (SubmissionState.ACCEPTED, mail.queue_id, None) == (found.state, found.queue_id, found.code)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, 0, 0)


def test_log_shows_that_it_was_not_accepted(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A mail that is not logged has failed once a mail is logged that arrived later by the grace."""
    unknown(ledger, clock)
    mail_server.take(arrived=NOW + 5 + LIMITS.grace)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, 0, still_unknown=1)
    mail_server.take(arrived=NOW + 5 + LIMITS.grace + 0.1)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, failed=1, still_unknown=0)
    assert (SubmissionState.FAILED, NOT_IN_LOG) == (stored(ledger).state, stored(ledger).code)


def test_incomplete_mail_is_not_accepted(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A mail whose transfer was interrupted does not count as accepted, though its Message-ID is logged."""
    unknown(ledger, clock)
    mail_server.take(api_id="msg_1", activations=0)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, 0, still_unknown=1)
    mail_server.take(arrived=NOW + 1000)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, failed=1, still_unknown=0)


def test_several_mail_servers(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A mail fails only when every mail server has logged a later mail."""
    mail_server.take(server="one", arrived=NOW - 100)
    mail_server.take(server="two", arrived=NOW - 100)
    mail_server.take(server="gone since yesterday", arrived=NOW - DAY - 1)
    unknown(ledger, clock)
    mail_server.take(server="one", arrived=NOW + 1000)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, 0, still_unknown=1)
    mail_server.take(server="two", arrived=NOW + 1000)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, failed=1, still_unknown=0)


def test_empty_log_resolves_nothing(ledger: ApiLedger, clock: Clock) -> None:
    """An empty log resolves nothing."""
    unknown(ledger, clock)
    clock.advance(DAY)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, 0, still_unknown=1)


def test_interrupted_submission_is_resolved(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """An interrupted submission is resolved like an unknown one, but not before its time limit."""
    ledger.submissions.begin(submission(1))
    mail_server.take(arrived=NOW + LIMITS.pending + LIMITS.grace + 1)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, 0, 0)
    clock.advance(LIMITS.pending)
    assert ledger.unknown_outcomes.resolve() == Resolved(0, failed=1, still_unknown=0)
