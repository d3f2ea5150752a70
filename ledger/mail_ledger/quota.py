"""Relay quota: how many recipients the relay account has used in its rolling window, and whether a mail fits.

`RelayQuota` reads the use from Postfix's log in the ledger, so that all mail counts however it entered; `snapshot` and
`admit` are pure.

All numbers are an estimate: no relay reports its own count, and mail sent in the account's web interface is not visible
here. When the relay replies "limit exceeded", that reply overrides the count until one of these, whichever comes first:

- a recipient that was in the window at that time has left it, so that there is room for at least one;
- an hour has passed without another such reply. Postfix retries at least once an hour (MAXIMAL_BACKOFF_TIME), so
  nothing was tried since. The worst that happens to a mail admitted then is that it waits in the queue and brings the
  reply again.

A recipient that the relay accepts ends it at once.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, func, select, true

from mail_ledger.engine import reading
from mail_ledger.tables import DAY_SECONDS, SubmissionState, attempt, message, submission, was_accepted
from mail_telemetry.causes import Cause
from mail_telemetry.names import Entry

REFUSAL_SECONDS: Final = 3600.0
"""How long a "limit exceeded" reply counts without another one."""

_RATE_SHARE: Final = 24
"""The recent rate is that of the window's last 24th: an hour of a day."""

_NOT_FAILED: Final = (SubmissionState.PENDING, SubmissionState.ACCEPTED, SubmissionState.UNKNOWN)


class Use(NamedTuple):
    """Recipients that the relay accepted in the window, by entry and forwarding."""

    entry: Entry
    forwarded: bool
    recipients: int


class Delivery(NamedTuple):
    """One recipient that the relay accepted."""

    ended: float
    entry: str
    forwarded: bool


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota at the time `now`; times are Unix seconds, amounts are recipients."""

    now: float
    limit: int
    window: float
    """How long a recipient counts, in seconds."""
    releases: tuple[float, ...]
    """When each recipient leaves the window, ascending."""
    uses: tuple[Use, ...]
    in_queue: int
    """Unfinished recipients of mails that are in the queue or being submitted to it."""
    exhausted_until: float | None
    """When the relay is expected to accept the next recipient; None unless the quota is exhausted."""

    @property
    def used(self) -> int:
        """Recipients that the relay accepted in the window."""
        return len(self.releases)

    @property
    def used_by_entry(self) -> Mapping[Entry, int]:
        """`used` by entry; every entry is there."""
        return {entry: sum(use.recipients for use in self.uses if use.entry == entry) for entry in Entry}

    @property
    def forwarded(self) -> int:
        """How many of the used recipients come from an alias (FORWARD_EMAIL)."""
        return sum(use.recipients for use in self.uses if use.forwarded)

    @property
    def exhausted(self) -> bool:
        """Whether the relay accepts nothing now, by our count or by its own reply."""
        return self.exhausted_until is not None

    @property
    def remaining(self) -> int:
        """Recipients that the relay still accepts; those in the queue are not subtracted."""
        return 0 if self.exhausted else max(self.limit - self.used, 0)

    @property
    def next_release(self) -> float | None:
        """When the oldest recipient leaves the window, or None when it is empty."""
        return self.releases[0] if self.releases else None

    @property
    def estimated_exhaustion(self) -> float | None:
        """When the quota is exhausted at the recent rate, or None when that is not within a window.

        Recipients in the queue count as sent; recipients that leave the window meanwhile make room.
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


class Shortage(StrEnum):
    """Why there is no room."""

    LIMIT = "limit"
    RESERVE = "reserve"
    RELAY = "relay"
    TOO_MANY = "too_many"


_REASONS: Final = {
    Shortage.LIMIT: "The relay's limit for 24 hours is used up",
    Shortage.RESERVE: "What is left of the relay's limit for 24 hours is kept for important mail",
    Shortage.RELAY: "The relay says that its limit is used up",
    Shortage.TOO_MANY: "These are more recipients than the relay's limit for 24 hours can ever hold",
}


class Admitted(NamedTuple):
    """There is room."""


class NoRoom(NamedTuple):
    """There is no room before `retry_at` (Unix seconds); None: there never is."""

    retry_at: float | None
    shortage: Shortage

    @property
    def why(self) -> str:
        """The reason as text, without the time."""
        return _REASONS[self.shortage]


def snapshot(  # noqa: PLR0913 - what was read from the ledger, each by its name
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
        limit: recipients that the relay accepts in a window.
        window: seconds.
        deliveries: the recipients accepted in the window and the REFUSAL_SECONDS before it, oldest first.
        in_queue: recipients that are not delivered yet.
        refused_at: when the relay last replied "limit exceeded", if it has accepted nothing since.
    """
    known = list(deliveries)
    current = [delivery for delivery in known if delivery.ended + window > now]
    releases = tuple(delivery.ended + window for delivery in current)
    counts = Counter((delivery.entry, delivery.forwarded) for delivery in current)
    uses = tuple(Use(Entry(entry), forwarded, count) for (entry, forwarded), count in sorted(counts.items()))
    ends = [releases[len(releases) - limit]] if len(releases) >= limit else []
    if refused_at is not None:
        left_since = [delivery.ended + window for delivery in known if delivery.ended + window > refused_at]
        ends.append(min([refused_at + REFUSAL_SECONDS, *left_since[:1]]))
    until = max((end for end in ends if end > now), default=None)
    return Quota(now, limit, window, releases, uses, in_queue, until)


def admit(quota: Quota, *, recipients: int, reserve: int, important: bool) -> Admitted | NoRoom:
    """Return whether the recipients fit into the limit less the used ones, those in the queue, and the reserve.

    Concurrent requests may use the same snapshot: together they can exceed the limit, and Postfix keeps the surplus in
    its queue until the relay accepts it.

    Args:
        quota: the snapshot; `retry_at` assumes that nothing is sent but what is in the queue already.
        recipients: how many.
        reserve: recipients kept for important mail (QUOTA_RESERVE).
        important: whether this mail may use the reserve.
    """
    most = quota.limit - (0 if important else reserve)
    if recipients > most:
        return NoRoom(None, Shortage.TOO_MANY if recipients > quota.limit else Shortage.RESERVE)
    missing = quota.used + quota.in_queue + recipients - most
    if missing <= 0 and not quota.exhausted:
        return Admitted()
    retry_at = max(_released_at(quota, missing), quota.exhausted_until or quota.now)
    return NoRoom(retry_at, _shortage(quota, recipients))


def ordinary_room(quota: Quota, reserve: int) -> int:
    """Return how many recipients callers without an important key may still send to."""
    return 0 if quota.exhausted else max(quota.limit - reserve - quota.used - quota.in_queue, 0)


def ordinary_reopens(quota: Quota, reserve: int) -> float | None:
    """Return when these callers have room for one recipient (Unix seconds), or None when they have it now.

    It is the `retry_at` of a request for one recipient.
    """
    admission = admit(quota, recipients=1, reserve=reserve, important=False)
    return admission.retry_at if isinstance(admission, NoRoom) else None


def _released_at(quota: Quota, recipients: int) -> float:
    """Return when so many have left the window; recipients in the queue leave it a whole window from now or later."""
    if recipients <= 0:
        return quota.now
    return quota.releases[recipients - 1] if recipients <= quota.used else quota.now + quota.window


def _shortage(quota: Quota, recipients: int) -> Shortage:
    if quota.exhausted and quota.used < quota.limit:
        return Shortage.RELAY
    fits_in_reserve = quota.used + quota.in_queue + recipients <= quota.limit
    return Shortage.RESERVE if fits_in_reserve else Shortage.LIMIT


class RelayQuota:
    """Reads the quota of one relay account from the ledger.

    Args:
        engine: the ledger's.
        limit: recipients that the relay accepts in a window (SMTP_RELAY_DAILY_LIMIT).
        relay: the relay's host name, as in SMTP_RELAY_HOST; None counts all configured relays.
        window: seconds; only demos and tests use another window than a day.
        now: returns the Unix time.
    """

    def __init__(
        self,
        engine: Engine,
        limit: int,
        *,
        relay: str | None = None,
        window: float = DAY_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._limit = limit
        self._window = window
        self._now = now
        self._is_relay = _has_host(relay) if relay else true()

    def read(self) -> Quota:
        """Return the quota as it is now.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        now = self._now()
        with reading(self._engine, "read the quota") as connection:
            deliveries = self._deliveries(connection, now - self._window - REFUSAL_SECONDS)
            refused_at = self._refused_at(connection, now - REFUSAL_SECONDS)
            in_queue = _in_queue(connection) + self._not_logged(connection, now - self._window)
        if refused_at is not None and deliveries and deliveries[-1].ended >= refused_at:
            refused_at = None
        return snapshot(
            now=now,
            limit=self._limit,
            window=self._window,
            deliveries=deliveries,
            in_queue=in_queue,
            refused_at=refused_at,
        )

    def _deliveries(self, connection: Connection, since: float) -> list[Delivery]:
        query = (
            select(attempt.c.ended, message.c.entry, attempt.c.forwarded)
            .join_from(attempt, message)
            .where(attempt.c.counted, attempt.c.ended > since, self._is_relay)
            .order_by(attempt.c.ended)
        )
        return [Delivery(*row) for row in connection.execute(query)]

    def _refused_at(self, connection: Connection, since: float) -> float | None:
        # A suspended attempt repeats the reply of the one before it: the relay was not contacted.
        is_refusal = and_(attempt.c.cause == Cause.QUOTA, ~attempt.c.suspended, attempt.c.ended > since, self._is_relay)
        newest: float | None = connection.execute(select(func.max(attempt.c.ended)).where(is_refusal)).scalar()
        return newest

    def _not_logged(self, connection: Connection, since: float) -> int:
        """Return the recipients of mails that the API sent and the log does not show, or not yet."""
        is_logged = exists().where(message.c.api_id == submission.c.id, was_accepted())
        query = select(func.coalesce(func.sum(submission.c.recipient_count), 0)).where(
            submission.c.created > since, submission.c.state.in_(_NOT_FAILED), ~is_logged
        )
        return int(connection.execute(query).scalar_one())


def _has_host(relay: str) -> ColumnElement[bool]:
    # Logged as host[address]:port, the host as it was configured.
    logged_host = f"{relay.strip('[]').lower()}["
    return func.lower(attempt.c.relay).startswith(logged_host, autoescape=True)


def _in_queue(connection: Connection) -> int:
    waiting = message.c.recipient_count - message.c.recipients_finished
    query = select(func.coalesce(func.sum(waiting), 0)).where(message.c.closed.is_(None), waiting > 0)
    return int(connection.execute(query).scalar_one())
