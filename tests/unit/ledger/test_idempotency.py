"""Idempotency keys: the first request sends its mail, repeated requests return its answer."""

import pytest

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.idempotency import Claimed, Conflict, IdempotencyKey, InFlight, New, Replay, Unknown
from mail_ledger.key_limits import KeyLimitReached
from mail_ledger.submissions import SubmissionAccepted, SubmissionFailed, SubmissionUnknown
from mail_ledger.tables import SubmissionState
from tests.unit.ledger.fakes import DAY, HOUR, NOW, Clock, MailServer, submission

KEY = IdempotencyKey("web", "order-1")
LEASE = 180.0


def claim(ledger: ApiLedger, number: int, payload: str = "p", key: IdempotencyKey = KEY) -> Claimed:
    """Claim the key for the mail of that number."""
    return ledger.idempotency.claim(submission(number), key, payload)


def test_first_request_sends(ledger: ApiLedger) -> None:
    """A free key is claimed, and the mail is pending."""
    assert claim(ledger, 1) == New()
    found = ledger.submissions.get("msg_1")
    assert found is not None
    assert found.state is SubmissionState.PENDING


def test_replay(ledger: ApiLedger, clock: Clock) -> None:
    """Each repeated request returns the first submission and stores nothing."""
    claim(ledger, 1)
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    clock.advance(DAY - 1)
    for number in (2, 3):
        again = claim(ledger, number)
        assert isinstance(again, Replay)
        assert ("msg_1", "4jX") == (again.submission.id, again.submission.queue_id)
        assert ledger.submissions.get(f"msg_{number}") is None


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids=["back", "forward"])
def test_replay_after_the_clock_jumped(ledger: ApiLedger, clock: Clock, jump: float) -> None:
    """A repeated request sends nothing, also after the clock was set by an hour."""
    claim(ledger, 1)
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    clock.advance(jump)
    assert isinstance(claim(ledger, 2), Replay)


@pytest.mark.parametrize("outcome", [None, SubmissionAccepted("4jX"), SubmissionUnknown("no_reply")], ids=str)
def test_conflict(ledger: ApiLedger, outcome: SubmissionAccepted | SubmissionUnknown | None) -> None:
    """A key with another payload is a conflict, whatever the outcome of the first request."""
    claim(ledger, 1)
    if outcome:
        ledger.submissions.finish("msg_1", outcome)
    again = claim(ledger, 2, "other")
    assert isinstance(again, Conflict)
    assert again.submission.id == "msg_1"


def test_in_flight(ledger: ApiLedger) -> None:
    """A second request is `InFlight` while the first is in progress."""
    claim(ledger, 1)
    assert isinstance(claim(ledger, 2), InFlight)


def test_certain_failure_frees_the_key(ledger: ApiLedger) -> None:
    """A failed request releases its key, also for another payload."""
    claim(ledger, 1)
    ledger.submissions.finish("msg_1", SubmissionFailed("temporarily_refused"))
    assert claim(ledger, 2, "other") == New()


def test_unknown_outcome_keeps_the_key(ledger: ApiLedger) -> None:
    """A request of unknown outcome keeps its key."""
    claim(ledger, 1)
    ledger.submissions.finish("msg_1", SubmissionUnknown("no_reply"))
    assert isinstance(claim(ledger, 2), Unknown)


def test_log_turns_unknown_into_a_replay(ledger: ApiLedger, mail_server: MailServer) -> None:
    """Once the log has the mail, a repeated request is a replay."""
    claim(ledger, 1)
    ledger.submissions.finish("msg_1", SubmissionUnknown("no_reply"))
    mail = mail_server.take(api_id="msg_1")
    again = claim(ledger, 2)
    assert isinstance(again, Replay)
    assert ("msg_1", mail.queue_id) == (again.submission.id, again.submission.queue_id)
    found = ledger.submissions.get("msg_1")
    assert found is not None
    assert found.state is SubmissionState.ACCEPTED


def test_log_releases_the_key_of_a_lost_mail(ledger: ApiLedger, mail_server: MailServer) -> None:
    """Once later mails are logged and this one is not, its key is free."""
    claim(ledger, 1)
    ledger.submissions.finish("msg_1", SubmissionUnknown("no_reply"))
    mail_server.take(arrived=NOW + 1000)
    assert claim(ledger, 2, "other") == New()
    assert isinstance(claim(ledger, 3, "other"), InFlight)


def test_process_died(ledger: ApiLedger, mail_server: MailServer, clock: Clock) -> None:
    """A request that is in progress for too long is unknown, and is resolved from the log."""
    claim(ledger, 1)
    clock.advance(LEASE)
    assert isinstance(claim(ledger, 2), Unknown)
    mail_server.take(arrived=NOW + 1000)
    assert claim(ledger, 3) == New()


def test_key_is_valid_for_a_day(ledger: ApiLedger, clock: Clock) -> None:
    """After 24 hours a key is free again; the old submission is still stored."""
    claim(ledger, 1)
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    clock.advance(DAY)
    assert claim(ledger, 2, "other") == New()
    assert ledger.submissions.get("msg_1") is not None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(IdempotencyKey("blog", "order-1"), id="another scope"),
        pytest.param(IdempotencyKey("web", "order-2"), id="another key"),
        pytest.param(IdempotencyKey("webo", "rder-1"), id="another place for the border"),
    ],
)
def test_scopes_are_apart(ledger: ApiLedger, other: IdempotencyKey) -> None:
    """The same key in two scopes is two keys."""
    assert claim(ledger, 1) == New()
    assert claim(ledger, 2, key=other) == New()


@pytest.mark.parametrize("length", [0, 257])
def test_unusable_keys(ledger: ApiLedger, length: int) -> None:
    """An empty key, or one of more than 256 characters, is rejected."""
    with pytest.raises(ValueError, match="1 to 256"):
        claim(ledger, 1, key=IdempotencyKey("web", "k" * length))


def test_longest_key(ledger: ApiLedger) -> None:
    """A key of 256 arbitrary characters is valid, and stored as a hash."""
    key = IdempotencyKey("web", "\U0001f600" * 255 + "\udce4")
    assert claim(ledger, 1, key=key) == New()
    assert isinstance(claim(ledger, 2, key=key), InFlight)


def test_key_limit(ledger: ApiLedger) -> None:
    """At the API key's limit a repeated request is still answered; a new mail is rejected and its key stays free."""
    ledger.keys.create("web")

    def limited(number: int, key: str) -> Claimed:
        new = submission(number, key="web")
        return ledger.idempotency.claim(new, IdempotencyKey("web", key), "p", key_limit=1)

    assert limited(1, "a") == New()
    ledger.submissions.finish("msg_1", SubmissionAccepted("4jX"))
    assert limited(2, "b") == KeyLimitReached(1, 1, NOW + DAY)
    assert limited(3, "b") == KeyLimitReached(1, 1, NOW + DAY)
    assert isinstance(limited(4, "a"), Replay)
