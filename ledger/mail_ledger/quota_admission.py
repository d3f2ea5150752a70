"""Whether a mail may go out, as far as the relay's quota is concerned: pure, over a snapshot."""

from enum import StrEnum
from typing import NamedTuple

from mail_ledger.quota import Quota


class Shortage(StrEnum):
    """Why there is no room."""

    LIMIT = "limit"
    RESERVE = "reserve"
    RELAY = "relay"
    TOO_MANY = "too_many"


_WORDS = {
    Shortage.LIMIT: "The relay's limit for 24 hours is used up",
    Shortage.RESERVE: "What is left of the relay's limit for 24 hours is kept for important mail",
    Shortage.RELAY: "The relay says that its limit is used up",
    Shortage.TOO_MANY: "These are more recipients than the relay's limit for 24 hours can ever hold",
}


class Admitted(NamedTuple):
    """There is room."""


class Refused(NamedTuple):
    """There is no room before `retry_at` (Unix seconds); None: there never will be."""

    retry_at: float | None
    shortage: Shortage

    @property
    def why(self) -> str:
        """Say it in words, without the time."""
        return _WORDS[self.shortage]


def admit(quota: Quota, *, recipients: int, reserve: int, important: bool) -> Admitted | Refused:
    """Tell whether so many recipients fit into what remains, less what waits in the queue, less the reserve.

    Several requests at once may look at the same snapshot: the limit can be passed by what they ask for together,
    and Postfix keeps the surplus until the relay takes it.

    Args:
        quota: the snapshot; `retry_at` supposes that nothing is sent but what waits already.
        recipients: how many.
        reserve: recipients kept for important mail (QUOTA_RESERVE).
        important: whether this mail may use the reserve.
    """
    most = quota.limit - (0 if important else reserve)
    if recipients > most:
        return Refused(None, Shortage.TOO_MANY if recipients > quota.limit else Shortage.RESERVE)
    missing = quota.used + quota.in_queue + recipients - most
    if missing <= 0 and not quota.exhausted:
        return Admitted()
    retry_at = max(_released_at(quota, missing), quota.exhausted_until or quota.now)
    return Refused(retry_at, _shortage(quota, recipients))


def ordinary_room(quota: Quota, reserve: int) -> int:
    """Return how many recipients callers without an important key may still send to."""
    return 0 if quota.exhausted else max(quota.limit - reserve - quota.used - quota.in_queue, 0)


def ordinary_reopens(quota: Quota, reserve: int) -> float | None:
    """Return when these callers have room for one recipient again (Unix seconds), or None when they have it now.

    It is the `retry_at` that a request for one recipient is answered with.
    """
    verdict = admit(quota, recipients=1, reserve=reserve, important=False)
    return verdict.retry_at if isinstance(verdict, Refused) else None


def _released_at(quota: Quota, recipients: int) -> float:
    """Return when so many have left the window; what waits now leaves it a whole window from now at the earliest."""
    if recipients <= 0:
        return quota.now
    return quota.releases[recipients - 1] if recipients <= quota.used else quota.now + quota.window


def _shortage(quota: Quota, recipients: int) -> Shortage:
    if quota.exhausted and quota.used < quota.limit:
        return Shortage.RELAY
    fits_in_reserve = quota.used + quota.in_queue + recipients <= quota.limit
    return Shortage.RESERVE if fits_in_reserve else Shortage.LIMIT
