"""When Postfix will try again."""

import pytest

from mail_ledger.backoff import Backoff, Retry

BACKOFF = Backoff(minimal_backoff_time=300, maximal_backoff_time=3600, queue_run_delay=60, maximal_queue_lifetime=1e5)


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        pytest.param(2, 300, id="at least the minimum"),
        pytest.param(1000, 1000, id="as long as it has waited"),
        pytest.param(9000, 3600, id="at most the maximum"),
    ],
)
def test_next_retry(age: float, wait: float) -> None:
    """A mail waits as long as it is old, and then for the next look through the queue."""
    assert BACKOFF.next_retry(50.0, 50 + age) == Retry(50 + age + wait, 50 + age + wait + 60)


def test_gives_up() -> None:
    """A mail is given up when it is too old."""
    assert BACKOFF.gives_up_at(50.0) == 50 + 1e5
