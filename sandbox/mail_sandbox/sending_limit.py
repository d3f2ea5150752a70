"""Daily sending limit: recipients in a rolling window, as Gmail counts them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from mail_sandbox.faults import SessionStage

Clock = Callable[[], float]
"""Returns Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class LimitRule:
    """Recipients allowed in `window_seconds`, and the stage at which a mail above the limit is refused."""

    limit: int
    window_seconds: float
    at: SessionStage = SessionStage.END


class SendingLimit:
    """What the account has used of its limit; a recipient counts for `window_seconds`."""

    def __init__(self, rule: LimitRule, *, clock: Clock) -> None:
        self.rule = rule
        self._clock = clock
        self._taken: deque[tuple[float, int]] = deque()

    @property
    def used(self) -> int:
        """Return the recipients in the window that ends now."""
        horizon = self._clock() - self.rule.window_seconds
        while self._taken and self._taken[0][0] <= horizon:
            self._taken.popleft()
        return sum(recipients for _, recipients in self._taken)

    @property
    def remaining(self) -> int:
        """Return how many more recipients are allowed now."""
        return max(0, self.rule.limit - self.used)

    @property
    def next_release(self) -> float | None:
        """Return the Unix time at which the oldest recipient leaves the window; None when nothing is used."""
        return self._taken[0][0] + self.rule.window_seconds if self.used else None

    def allows(self, recipients: int) -> bool:
        """Return whether that many more recipients are allowed."""
        return recipients <= self.remaining

    def take(self, recipients: int) -> None:
        """Count that many recipients from now on."""
        self._taken.append((self._clock(), recipients))

    def change(
        self,
        *,
        limit: int | None = None,
        window_seconds: float | None = None,
        used: int | None = None,
        at: SessionStage | None = None,
    ) -> None:
        """Change the given parts; `used` replaces the history by that many recipients at the present time."""
        self.rule = replace(
            self.rule,
            limit=self.rule.limit if limit is None else limit,
            window_seconds=self.rule.window_seconds if window_seconds is None else window_seconds,
            at=at or self.rule.at,
        )
        if used is not None:
            self._taken.clear()
            if used:
                self.take(used)
