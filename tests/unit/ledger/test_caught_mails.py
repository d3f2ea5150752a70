"""Mails that the honeypot caught, in the ledger."""

import pytest

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.caught_mails import MOST, CaughtMail, NewCaughtMail
from mail_ledger.group_commit import Write
from mail_ledger.idempotency import IdempotencyKey
from mail_ledger.submissions import SubmissionAccepted, SubmissionFailed
from mail_ledger.tables import CaughtState
from tests.unit.ledger.fakes import DAY, NOW, Clock, submission

MAIL = {"to": [{"email": "hello@x.org", "name": ""}], "subject": "Hi", "body": "Grüße"}


def store(ledger: ApiLedger, *writes: Write[None]) -> None:
    """Store the writes."""
    assert [None] * len(writes) == ledger.write(writes)


def keep(ledger: ApiLedger, *ids: str) -> None:
    """Keep a mail under each id."""
    store(ledger, *(ledger.caught_mails.keep_write(NewCaughtMail(one, "hp_url", MAIL, ("a.pdf",))) for one in ids))


def existing(found: CaughtMail | None) -> CaughtMail:
    """Return the mail, which exists."""
    assert found is not None
    return found


def test_mail_is_kept(ledger: ApiLedger) -> None:
    """A kept mail has its fields, the names of its files, and the honeypot field that was filled."""
    keep(ledger, "msg_1")
    expected = CaughtMail("msg_1", NOW, "hp_url", MAIL, ("a.pdf",), CaughtState.CAUGHT, None, None, None)
    assert expected == ledger.caught_mails.get("msg_1")
    assert ledger.caught_mails.get("msg_2") is None


def test_newest_first(ledger: ApiLedger, clock: Clock) -> None:
    """The list begins with the newest mail, and can be limited by time and number."""
    for one in ("msg_1", "msg_2", "msg_3"):
        keep(ledger, one)
        clock.advance(1)
    assert ["msg_3", "msg_2", "msg_1"] == [found.id for found in ledger.caught_mails.newest()]
    assert ["msg_3", "msg_2"] == [found.id for found in ledger.caught_mails.newest(since=NOW + 1)]
    assert ["msg_3"] == [found.id for found in ledger.caught_mails.newest(limit=1)]


@pytest.mark.slow
def test_oldest_make_room(ledger: ApiLedger, clock: Clock) -> None:
    """Above the limit the oldest mails are deleted, except one whose release is requested."""
    keep(ledger, "msg_wanted")
    ledger.caught_mails.request("msg_wanted")
    clock.advance(1)
    keep(ledger, "msg_oldest")
    clock.advance(1)
    keep(ledger, *(f"msg_{number:03}" for number in range(MOST)))
    assert existing(ledger.caught_mails.get("msg_wanted")).state is CaughtState.REQUESTED
    assert ledger.caught_mails.get("msg_oldest") is None
    assert len(ledger.caught_mails.newest(limit=2 * MOST)) == MOST + 1


def test_release(ledger: ApiLedger, clock: Clock) -> None:
    """A requested mail is due at once or after the delay, and a released one is not requested again."""
    keep(ledger, "msg_1", "msg_2")
    assert ledger.caught_mails.due() == []
    ledger.caught_mails.request("msg_1")
    ledger.caught_mails.request("msg_2", delay=30)
    assert ["msg_1"] == [found.id for found in ledger.caught_mails.due()]
    store(ledger, ledger.caught_mails.released_write("msg_1", "msg_9"))
    clock.advance(30)
    assert ["msg_2"] == [found.id for found in ledger.caught_mails.due()]
    again = existing(ledger.caught_mails.request("msg_1"))
    assert (CaughtState.RELEASED, "msg_9") == (again.state, again.released_as)
    assert ledger.caught_mails.request("msg_unknown") is None


@pytest.mark.parametrize(
    ("retry_at", "state", "due"),
    [
        pytest.param(None, CaughtState.CAUGHT, [], id="for good"),
        pytest.param(NOW, CaughtState.REQUESTED, ["msg_1"], id="for now"),
        pytest.param(NOW + 1, CaughtState.REQUESTED, [], id="until later"),
    ],
)
def test_failure(ledger: ApiLedger, retry_at: float | None, state: CaughtState, due: list[str]) -> None:
    """A failed release stores its code, and is tried again where a time is given."""
    keep(ledger, "msg_1")
    ledger.caught_mails.request("msg_1")
    store(ledger, ledger.caught_mails.failed_write("msg_1", "quota_exhausted", retry_at))
    found = existing(ledger.caught_mails.get("msg_1"))
    assert (state, "quota_exhausted") == (found.state, found.code)
    assert due == [one.id for one in ledger.caught_mails.due()]
    assert existing(ledger.caught_mails.request("msg_1")).code is None


def test_late_failure_changes_no_release(ledger: ApiLedger) -> None:
    """A mail that another process released stays released."""
    keep(ledger, "msg_1")
    store(ledger, ledger.caught_mails.released_write("msg_1", "msg_9"))
    store(ledger, ledger.caught_mails.failed_write("msg_1", "request_in_flight", None))
    assert existing(ledger.caught_mails.get("msg_1")).state is CaughtState.RELEASED


def test_earlier_release(ledger: ApiLedger, clock: Clock) -> None:
    """The submission of an earlier release is found by its hash, also days later, unless it failed."""
    key = IdempotencyKey("caught", "msg_1")
    ledger.idempotency.claim(submission(7), key, "hash")
    ledger.submissions.finish("msg_7", SubmissionFailed("temporarily_refused"))
    assert ledger.caught_mails.earlier_release("hash") is None
    ledger.idempotency.claim(submission(8), key, "hash")
    ledger.submissions.finish("msg_8", SubmissionAccepted("4jX"))
    clock.advance(3 * DAY)
    found = ledger.caught_mails.earlier_release("hash")
    assert found is not None
    assert found.id == "msg_8"


def test_repetition(ledger: ApiLedger, clock: Clock) -> None:
    """A repetition is recognised by key and content, while the key is in use."""
    key = IdempotencyKey("-", "order-17")
    assert not ledger.idempotency.is_repetition(key, "hash")
    ledger.idempotency.claim(submission(1), key, "hash")
    assert ledger.idempotency.is_repetition(key, "hash")
    assert not ledger.idempotency.is_repetition(key, "other")
    clock.advance(DAY)
    assert not ledger.idempotency.is_repetition(key, "hash")


def test_old_mails_are_deleted(ledger: ApiLedger, clock: Clock) -> None:
    """Mails are deleted by their age, whether they were released or not; a requested one waits for its release."""
    keep(ledger, "msg_old", "msg_wanted", "msg_released")
    ledger.caught_mails.request("msg_wanted")
    store(ledger, ledger.caught_mails.released_write("msg_released", "msg_9"))
    clock.advance(7 * DAY)
    keep(ledger, "msg_new")
    assert ledger.caught_mails.prune(7 * DAY) == 0
    clock.advance(1)
    assert ledger.caught_mails.prune(7 * DAY) == 2
    assert ["msg_new", "msg_wanted"] == [found.id for found in ledger.caught_mails.newest()]
