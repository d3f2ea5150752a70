"""The daily sending limit: recipients in a rolling window, as Gmail counts them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from mail_sandbox.faults import Stage

Clock = Callable[[], float]
"""Returns Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class LimitRule:
    """How many recipients the account may write to in `window_seconds`, and where it hears that it may not."""

    limit: int
    window_seconds: float
    at: Stage = Stage.END


class SendingLimit:
    """What the account has used of its limit; a recipient counts until the window has passed over it."""

    def __init__(self, rule: LimitRule, *, clock: Clock) -> None:
        self.rule = rule
        self._clock = clock
        self._taken: deque[tuple[float, int]] = deque()

    @property
    def used(self) -> int:
        """Recipients in the window that ends now."""
        horizon = self._clock() - self.rule.window_seconds
        while self._taken and self._taken[0][0] <= horizon:
            self._taken.popleft()
        return sum(recipients for _, recipients in self._taken)

    @property
    def remaining(self) -> int:
        """Recipients that can still be written to now."""
        return max(0, self.rule.limit - self.used)

    @property
    def next_release(self) -> float | None:
        """Unix time at which the oldest recipient leaves the window; None when nothing is used."""
        return self._taken[0][0] + self.rule.window_seconds if self.used else None

    def allows(self, recipients: int) -> bool:
        """Whether that many more recipients fit."""
        return recipients <= self.remaining

    def take(self, recipients: int) -> None:
        """That many recipients count from now."""
        self._taken.append((self._clock(), recipients))

    def change(
        self,
        *,
        limit: int | None = None,
        window_seconds: float | None = None,
        used: int | None = None,
        at: Stage | None = None,
    ) -> None:
        """The given parts are changed; `used` replaces the history by that many recipients, taken now."""
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
