"""Submissions: record, outcome and key limits."""

import pytest
from sqlalchemy import Engine

from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.key_limits import KeyLimitReached
from mail_ledger.submissions import (
    Submission,
    SubmissionAccepted,
    SubmissionFailed,
    SubmissionOutcome,
    SubmissionUnknown,
)
from mail_ledger.tables import SubmissionState
from tests.unit.ledger.fakes import DAY, NOW, Clock, submission

LEASE = 180.0
GRACE = 60.0


def stored(ledger: ApiLedger, submission_id: str = "msg_1") -> Submission:
    """Return the submission, which has to be stored."""
    found = ledger.submissions.get(submission_id)
    assert found is not None
    return found


def test_pending_before_it_is_sent(ledger: ApiLedger) -> None:
    """A new submission is pending, with masked recipients."""
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
    """Addresses are stored as `mask` returns them."""
    ledger = ApiLedger(engine, Rules(mask=str))
    ledger.submissions.begin(submission(1))
    assert stored(ledger).recipients == ("anna@example.com",)


def test_unknown_id(ledger: ApiLedger) -> None:
    """An unknown id has no submission."""
    assert ledger.submissions.get("msg_0") is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(SubmissionAccepted("4jX"), (SubmissionState.ACCEPTED, None, "4jX"), id="accepted"),
        pytest.param(SubmissionAccepted(None), (SubmissionState.ACCEPTED, None, None), id="accepted without id"),
        pytest.param(SubmissionFailed("refused"), (SubmissionState.FAILED, "refused", None), id="failed"),
        pytest.param(SubmissionUnknown("no_reply"), (SubmissionState.UNKNOWN, "no_reply", None), id="unknown"),
    ],
)
def test_outcome_is_stored(
    ledger: ApiLedger,
    clock: Clock,
    outcome: SubmissionOutcome,
    expected: tuple[SubmissionState, str | None, str | None],
) -> None:
    """The outcome is stored with its time."""
    ledger.submissions.begin(submission(1))
    clock.advance(2)
    ledger.submissions.finish("msg_1", outcome)
    found = stored(ledger)
    assert (*expected, NOW + 2) == (found.state, found.code, found.queue_id, found.finished)


def test_first_certain_outcome_stays(ledger: ApiLedger) -> None:
    """A certain outcome is not overwritten by a later one."""
    ledger.submissions.begin(submission(1))
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    ledger.submissions.finish("msg_1", SubmissionUnknown("late"))
    assert stored(ledger).state is SubmissionState.ACCEPTED


def test_process_died(ledger: ApiLedger, clock: Clock) -> None:
    """A submission that is pending for too long is unknown; its outcome can still be stored."""
    ledger.submissions.begin(submission(1))
    clock.advance(LEASE - 1)
    assert stored(ledger).state is SubmissionState.PENDING
    clock.advance(1)
    assert (SubmissionState.UNKNOWN, "interrupted") == (stored(ledger).state, stored(ledger).code)
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    assert stored(ledger).state is SubmissionState.ACCEPTED


def test_key_limit(ledger: ApiLedger, clock: Clock) -> None:
    """A key's recipients of 24 hours are limited; the result has the time when there is room."""
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
    """A mail with more recipients than the limit has no retry time."""
    many = submission(1, "a@x.org", "b@x.org", key="web")
    assert ledger.submissions.begin(many, 1) == KeyLimitReached(1, 0, None)


def test_key_limit_ignores_failures_and_other_keys(ledger: ApiLedger) -> None:
    """Failed submissions, and those of other keys, do not count."""
    ledger.submissions.begin(submission(1, key="web"))
    ledger.submissions.finish("msg_1", SubmissionFailed("refused"))
    ledger.submissions.begin(submission(2, key="other"))
    assert ledger.submissions.begin(submission(3, key="web"), key_limit=1) is None
