"""When Postfix will try a deferred mail again: an estimate from its own rule.

Postfix makes a mail wait as long as it has been in the queue, within minimal_backoff_time and maximal_backoff_time
(src/qmgr/qmgr_active.c, qmgr_active_done_3_generic), so each wait is about as long as all before it together, and the
number of attempts says no more than the age does. It then looks through the deferred queue every queue_run_delay.
"""

from typing import NamedTuple


class Retry(NamedTuple):
    """Between when and when (Unix seconds) Postfix tries the next time."""

    earliest: float
    latest: float


class Backoff(NamedTuple):
    """The mail server's times, in seconds, under the names of its variables."""

    minimal_backoff_time: float = 300.0
    maximal_backoff_time: float = 3600.0
    queue_run_delay: float = 300.0
    maximal_queue_lifetime: float = 432_000.0

    def next_retry(self, arrived: float, last_ended: float) -> Retry:
        """Return when a mail that arrived then, and whose last attempt ended then, is tried again."""
        age = last_ended - arrived
        earliest = last_ended + min(max(age, self.minimal_backoff_time), self.maximal_backoff_time)
        return Retry(earliest, earliest + self.queue_run_delay)

    def gives_up_at(self, arrived: float) -> float:
        """Return from when on a failed attempt is the last one."""
        return arrived + self.maximal_queue_lifetime
