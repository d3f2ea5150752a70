"""The relay account's rolling quota as a snapshot, and what may still be admitted: arithmetic, no database.

All of it is an estimate. The relay tells nobody its count, and the account's web mail is invisible here; so when the
relay says "limit exceeded", that beats our count. For how long? Until the relay is likely to think otherwise:

- until the first recipient that was in the window when it said so has left it (room for one at least), or
- for an hour: Postfix tries at least once an hour (MAXIMAL_BACKOFF_TIME), so without a new refusal after that nobody
  asked, and the worst that a mail admitted then meets is the queue, where it waits and renews the evidence;

whichever comes first. A recipient that the relay takes ends it at once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from mail_telemetry.names import Entry

EVIDENCE_SECONDS: Final = 3600.0
"""How long a refusal without a successor counts."""

_RATE_SHARE: Final = 24
"""The recent rate is that of the window's last 24th: an hour of a day."""


class Use(NamedTuple):
    """Recipients that the relay took in the window, by where their mails came in."""

    entry: Entry
    forwarded: bool
    recipients: int


class Delivery(NamedTuple):
    """One recipient that the relay took."""

    ended: float
    entry: str
    forwarded: bool


@dataclass(frozen=True, slots=True)
class Quota:
    """What is known of the quota at `now`; times are Unix seconds, amounts are recipients."""

    now: float
    limit: int
    window: float
    """Seconds that a recipient counts."""
    releases: tuple[float, ...]
    """When each recipient of the window leaves it, ascending."""
    uses: tuple[Use, ...]
    in_queue: int
    """Recipients of mails that are in the queue or on their way there, and not finished."""
    exhausted_until: float | None
    """Set while nothing fits: when the relay is expected to take the next one."""

    @property
    def used(self) -> int:
        """Recipients that the relay took in the window."""
        return len(self.releases)

    @property
    def used_by_entry(self) -> Mapping[Entry, int]:
        """The same by where the mails came in; every entry is there."""
        return {entry: sum(use.recipients for use in self.uses if use.entry == entry) for entry in Entry}

    @property
    def forwarded(self) -> int:
        """How many of the used ones were recipients that an alias made (DESIGN: a flag beside the entry)."""
        return sum(use.recipients for use in self.uses if use.forwarded)

    @property
    def exhausted(self) -> bool:
        """Whether the relay takes nothing now, by our count or by its own words."""
        return self.exhausted_until is not None

    @property
    def remaining(self) -> int:
        """What the relay would still take; what waits in the queue is part of it."""
        return 0 if self.exhausted else max(self.limit - self.used, 0)

    @property
    def next_release(self) -> float | None:
        """When the oldest recipient leaves the window, or None when it is empty."""
        return self.releases[0] if self.releases else None

    @property
    def estimated_exhaustion(self) -> float | None:
        """When nothing will fit if mail goes on at the recent rate, or None when that is not within a window.

        What waits in the queue is taken as sent, and what leaves the window meanwhile as room.
        """
        if self.exhausted:
            return self.now
        recent = self.window / _RATE_SHARE
        rate = sum(release > self.now + self.window - recent for release in self.releases) / recent
        if rate == 0:
            return None
        room = self.remaining - self.in_queue
        for released, release in enumerate((*self.releases, self.now + self.window)):
            full = self.now + max(room + released, 0) / rate
            if full <= release:
                return full
        return None


def snapshot(  # noqa: PLR0913 - what the ledger knows, each by its name
    *,
    now: float,
    limit: int,
    window: float,
    deliveries: Iterable[Delivery],
    in_queue: int,
    refused_at: float | None,
) -> Quota:
    """Return the quota at `now`.

    Args:
        now: the Unix time.
        limit: recipients that the relay takes in a window.
        window: seconds.
        deliveries: what the relay took in the window and the EVIDENCE_SECONDS before it, oldest first.
        in_queue: recipients that are still to be delivered.
        refused_at: when the relay last said "limit exceeded", if it took nothing since.
    """
    known = list(deliveries)
    current = [delivery for delivery in known if delivery.ended + window > now]
    releases = tuple(delivery.ended + window for delivery in current)
    counts = Counter((delivery.entry, delivery.forwarded) for delivery in current)
    uses = tuple(Use(Entry(entry), forwarded, count) for (entry, forwarded), count in sorted(counts.items()))
    ends = [releases[len(releases) - limit]] if len(releases) >= limit else []
    if refused_at is not None:
        left_since = [delivery.ended + window for delivery in known if delivery.ended + window > refused_at]
        ends.append(min([refused_at + EVIDENCE_SECONDS, *left_since[:1]]))
    until = max((end for end in ends if end > now), default=None)
    return Quota(now, limit, window, releases, uses, in_queue, until)
