"""What the API writes down about the mails it sends."""

import pytest
from sqlalchemy import Engine

from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.evidence import NOT_IN_LOG
from mail_ledger.submission import (
    Accepted,
    Failed,
    KeyLimitReached,
    Outcome,
    OutcomeUnknown,
    Submission,
    SubmissionState,
)
from mail_ledger.submissions import Settled
from tests.unit.ledger.world import DAY, NOW, Clock, MailServer, submission

LEASE = 180.0
GRACE = 60.0


def stored(ledger: ApiLedger, submission_id: str = "msg_1") -> Submission:
    """Return the submission, which has to be there."""
    found = ledger.submissions.get(submission_id)
    assert found is not None
    return found


def test_pending_before_it_is_sent(ledger: ApiLedger) -> None:
    """A mail is written down before anything of it is sent, with its recipients masked."""
    new = submission(1, "anna@example.com", "bob@example.com", key="web", tags={"form": "contact"}, trace_id="ab" * 16)
    assert ledger.submissions.begin(new) is None
    assert stored(ledger) == Submission(
        id="msg_1",
        message_id="<msg_1.mail-api@example.org>",
        state=SubmissionState.PENDING,
        code=None,
        queue_id=None,
        created=NOW,
        finished=None,
        key="web",
        recipients=("a***@example.com", "b***@example.com"),
        recipient_count=2,
        hidden=(),
        tags={"form": "contact"},
        trace_id="ab" * 16,
    )


def test_whole_addresses_when_asked_for(engine: Engine) -> None:
    """Another way of masking is taken as it is."""
    ledger = ApiLedger(engine, Rules(mask=str))
    ledger.submissions.begin(submission(1))
    assert stored(ledger).recipients == ("anna@example.com",)


def test_nobody_knows_other_ids(ledger: ApiLedger) -> None:
    """An id that was never given out has no submission."""
    assert ledger.submissions.get("msg_0") is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(Accepted("4jX"), (SubmissionState.ACCEPTED, None, "4jX"), id="accepted"),
        pytest.param(Accepted(None), (SubmissionState.ACCEPTED, None, None), id="accepted without id"),
        pytest.param(Failed("refused"), (SubmissionState.FAILED, "refused", None), id="failed"),
        pytest.param(OutcomeUnknown("no_reply"), (SubmissionState.UNKNOWN, "no_reply", None), id="unknown"),
    ],
)
def test_outcome_is_stored(
    ledger: ApiLedger, clock: Clock, outcome: Outcome, expected: tuple[SubmissionState, str | None, str | None]
) -> None:
    """How it ended is stored with its time."""
    ledger.submissions.begin(submission(1))
    clock.advance(2)
    ledger.submissions.finish("msg_1", outcome)
    found = stored(ledger)
    assert (*expected, NOW + 2) == (found.state, found.code, found.queue_id, found.finished)


def test_first_certain_outcome_stays(ledger: ApiLedger) -> None:
    """What is certain is not overwritten by what comes late."""
    ledger.submissions.begin(submission(1))
    ledger.submissions.finish("msg_1", Accepted("4jX"))
    ledger.submissions.finish("msg_1", OutcomeUnknown("late"))
    assert stored(ledger).state is SubmissionState.ACCEPTED


def test_process_died(ledger: ApiLedger, clock: Clock) -> None:
    """A submission that is pending for longer than its lease is unknown; its end can still come."""
    ledger.submissions.begin(submission(1))
    clock.advance(LEASE - 1)
    assert stored(ledger).state is SubmissionState.PENDING
    clock.advance(1)
    assert (SubmissionState.UNKNOWN, "interrupted") == (stored(ledger).state, stored(ledger).code)
    ledger.submissions.finish("msg_1", Accepted("4jX"))
    assert stored(ledger).state is SubmissionState.ACCEPTED


def test_key_limit(ledger: ApiLedger, clock: Clock) -> None:
    """A key's recipients of 24 hours are limited; the answer says when enough of them are over."""
    ledger.keys.create("web")
    ledger.submissions.begin(submission(1, "a@x.org", key="web"), key_limit=3)
    clock.advance(10)
    ledger.submissions.begin(submission(2, "a@x.org", "b@x.org", key="web"), key_limit=3)
    assert ledger.submissions.begin(submission(3, "c@x.org", key="web"), 3) == KeyLimitReached(3, 3, NOW + DAY)
    two = submission(4, "c@x.org", "d@x.org", key="web")
    assert ledger.submissions.begin(two, 3) == KeyLimitReached(3, 3, NOW + 10 + DAY)
    assert ledger.submissions.get("msg_3") is None
    clock.now = NOW + DAY
    assert ledger.submissions.begin(submission(5, "c@x.org", key="web"), 3) is None


def test_key_limit_that_is_too_small(ledger: ApiLedger) -> None:
    """More recipients than the limit have no time at which they fit."""
    many = submission(1, "a@x.org", "b@x.org", key="web")
    assert ledger.submissions.begin(many, 1) == KeyLimitReached(1, 0, None)


def test_key_limit_forgets_failures_and_others(ledger: ApiLedger) -> None:
    """Mails that certainly failed, and those of other keys, take nothing from a key's limit."""
    ledger.submissions.begin(submission(1, key="web"))
    ledger.submissions.finish("msg_1", Failed("refused"))
    ledger.submissions.begin(submission(2, key="other"))
    assert ledger.submissions.begin(submission(3, key="web"), key_limit=1) is None


def unknown(ledger: ApiLedger, clock: Clock) -> None:
    """Leave a mail behind whose outcome is unknown, five seconds after NOW."""
    ledger.submissions.begin(submission(1))
    clock.advance(5)
    ledger.submissions.finish("msg_1", OutcomeUnknown("no_reply"))


def test_log_shows_that_it_was_accepted(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """An unknown outcome is settled as soon as the log has the mail."""
    unknown(ledger, clock)
    mail = mail_server.take(api_id="msg_1")
    assert ledger.submissions.settle() == Settled(accepted=1, failed=0, still_unknown=0)
    found = stored(ledger)
    assert (SubmissionState.ACCEPTED, mail.queue_id, None) == (found.state, found.queue_id, found.code)
    assert ledger.submissions.settle() == Settled(0, 0, 0)


def test_log_shows_that_it_never_was(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """Once the log is past it by the grace, a mail that is not in it has failed."""
    unknown(ledger, clock)
    mail_server.take(arrived=NOW + 5 + GRACE)
    assert ledger.submissions.settle() == Settled(0, 0, still_unknown=1)
    mail_server.take(arrived=NOW + 5 + GRACE + 0.1)
    assert ledger.submissions.settle() == Settled(0, failed=1, still_unknown=0)
    assert (SubmissionState.FAILED, NOT_IN_LOG) == (stored(ledger).state, stored(ledger).code)


def test_mail_that_broke_off_is_not_accepted(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """Cleanup logs the Message-ID of a mail that broke off half-way too; only the queue manager's line counts."""
    unknown(ledger, clock)
    mail_server.take(api_id="msg_1", activations=0)
    assert ledger.submissions.settle() == Settled(0, 0, still_unknown=1)
    mail_server.take(arrived=NOW + 1000)
    assert ledger.submissions.settle() == Settled(0, failed=1, still_unknown=0)


def test_every_mail_server_has_to_be_past_it(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """One server's log says nothing about what another one accepted."""
    mail_server.take(server="one", arrived=NOW - 100)
    mail_server.take(server="two", arrived=NOW - 100)
    mail_server.take(server="gone since yesterday", arrived=NOW - DAY - 1)
    unknown(ledger, clock)
    mail_server.take(server="one", arrived=NOW + 1000)
    assert ledger.submissions.settle() == Settled(0, 0, still_unknown=1)
    mail_server.take(server="two", arrived=NOW + 1000)
    assert ledger.submissions.settle() == Settled(0, failed=1, still_unknown=0)


def test_empty_log_settles_nothing(ledger: ApiLedger, clock: Clock) -> None:
    """Without a log nobody knows."""
    unknown(ledger, clock)
    clock.advance(DAY)
    assert ledger.submissions.settle() == Settled(0, 0, still_unknown=1)


def test_settling_takes_in_who_died(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A mail whose process died is settled like an unknown one, and not while it may still be on its way."""
    ledger.submissions.begin(submission(1))
    mail_server.take(arrived=NOW + LEASE + GRACE + 1)
    assert ledger.submissions.settle() == Settled(0, 0, 0)
    clock.advance(LEASE)
    assert ledger.submissions.settle() == Settled(0, failed=1, still_unknown=0)
