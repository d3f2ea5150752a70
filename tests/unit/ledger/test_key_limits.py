"""Remaining recipients of API keys with a 24-hour limit."""

from sqlalchemy import Engine

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.key_limits import KeyLimits, KeyRoom, KeyRooms
from mail_ledger.submissions import SubmissionFailed
from tests.unit.ledger.fakes import DAY, NOW, Clock, submission


def test_room(engine: Engine, ledger: ApiLedger, clock: Clock) -> None:
    """Recipients of 24 hours count; failed submissions, other keys and keys without a limit do not."""
    ledger.keys.create("web", limits=KeyLimits(3))
    ledger.keys.create("shop", limits=KeyLimits(2))
    ledger.keys.create("free")
    ledger.submissions.begin(submission(1, "a@x.org", "b@x.org", key="web"))
    ledger.submissions.begin(submission(2, "a@x.org", key="web"))
    ledger.submissions.finish(submission(2).id, SubmissionFailed("internal_error"))
    ledger.submissions.begin(submission(3, "a@x.org", key="free"))
    assert KeyRooms(engine, clock).read() == [KeyRoom("shop", 2, None), KeyRoom("web", 1, None)]
    clock.advance(DAY)
    assert KeyRooms(engine, clock).read() == [KeyRoom("shop", 2, None), KeyRoom("web", 3, None)]


def test_no_room(engine: Engine, ledger: ApiLedger, clock: Clock) -> None:
    """A key at its limit has room again when enough of its oldest mails are older than a day."""
    ledger.keys.create("web", limits=KeyLimits(2))
    for number in range(3):
        ledger.submissions.begin(submission(number, "a@x.org", key="web"))
        clock.advance(60)
    assert KeyRooms(engine, clock).read() == [KeyRoom("web", 0, NOW + 60 + DAY)]


def test_revoked_key(engine: Engine, ledger: ApiLedger, clock: Clock) -> None:
    """A revoked key is not listed."""
    ledger.keys.create("web", limits=KeyLimits(2))
    ledger.keys.revoke("web")
    assert KeyRooms(engine, clock).read() == []
