"""Rolling window of the sending limit."""

import pytest

from mail_sandbox.faults import SessionStage
from mail_sandbox.sending_limit import LimitRule, SendingLimit


@pytest.fixture
def limit(now: list[float]) -> SendingLimit:
    """Return a limit of five recipients in a hundred seconds."""
    return SendingLimit(LimitRule(limit=5, window_seconds=100), clock=lambda: now[0])


def test_recipients_count_until_the_window_has_passed(limit: SendingLimit, now: list[float]) -> None:
    """A recipient stops counting when it is as old as the window, not at a fixed hour."""
    limit.take(2)
    now[0] += 60
    limit.take(3)
    assert (limit.used, limit.remaining, limit.allows(1)) == (5, 0, False)
    now[0] += 39.9
    assert limit.used == 5
    now[0] += 0.1
    assert (limit.used, limit.remaining, limit.allows(2), limit.allows(3)) == (3, 2, True, False)


def test_the_next_release_is_the_oldest_ones(limit: SendingLimit, now: list[float]) -> None:
    """The next release is the time at which the oldest recipient leaves the window."""
    assert limit.next_release is None
    start = now[0]
    limit.take(1)
    now[0] += 30
    limit.take(1)
    assert limit.next_release == start + 100
    now[0] += 70
    assert limit.next_release == start + 130


def test_use_can_be_set(limit: SendingLimit, now: list[float]) -> None:
    """`used` sets the use, which leaves the window like that of mails."""
    limit.take(4)
    limit.change(used=5)
    assert limit.used == 5
    now[0] += 100
    assert limit.used == 0


def test_omitted_fields_stay(limit: SendingLimit) -> None:
    """A change of the limit alone keeps window, stage and use."""
    limit.take(3)
    limit.change(limit=2)
    assert limit.rule == LimitRule(2, 100, SessionStage.END)
    assert (limit.used, limit.remaining) == (3, 0)
    limit.change(at=SessionStage.MAIL, window_seconds=10)
    assert limit.rule == LimitRule(2, 10, SessionStage.MAIL)


def test_limit_of_zero(limit: SendingLimit) -> None:
    """A limit of 0 allows no recipient."""
    limit.change(limit=0)
    assert not limit.allows(1)
