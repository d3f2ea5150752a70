"""Limits of API keys: recipients in a rolling window of 24 hours.

`key_limit_reached` checks one mail inside the transaction that stores it; `KeyRooms` reads what each key has left.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from mail_ledger.engine import reading
from mail_ledger.tables import DAY_SECONDS, SubmissionState, api_key, submission


class KeyLimits(NamedTuple):
    """The limits of one API key; None for no limit."""

    recipients_per_day: int | None = None
    requests_per_minute: int | None = None


class KeyLimitReached(NamedTuple):
    """The recipients of the last 24 hours leave no room; `retry_at` is None when the mail can never fit."""

    limit: int
    used: int
    retry_at: float | None


class KeyRoom(NamedTuple):
    """How many recipients a valid key may still send to; `reopens` (Unix seconds) is set while there is no room."""

    name: str
    room: int
    reopens: float | None


class KeyRooms:
    """The room of each valid key that has a limit for 24 hours.

    Args:
        engine: the ledger's.
        now: returns the Unix time.
    """

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now

    def read(self) -> list[KeyRoom]:
        """Return the room of each key, sorted by name.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        has_limit = api_key.c.revoked.is_(None) & api_key.c.recipients_per_day.is_not(None)
        limited = select(api_key.c.name, api_key.c.recipients_per_day).where(has_limit).order_by(api_key.c.name)
        with reading(self._engine, "read the limits of the keys") as connection:
            limits = [(name, limit) for name, limit in connection.execute(limited)]
            if not limits:
                return []
            counted = select(submission.c.key_name, submission.c.created, submission.c.recipient_count).where(
                submission.c.key_name.in_([name for name, _ in limits]),
                submission.c.created > self._now() - DAY_SECONDS,
                submission.c.state != SubmissionState.FAILED,
            )
            uses = defaultdict[str, list[tuple[float, int]]](list)
            for name, created, recipients in connection.execute(counted.order_by(submission.c.created)):
                uses[name].append((created, recipients))
        return [_room(name, limit, uses[name]) for name, limit in limits]


def lock_key(connection: Connection, key_name: str | None, limit: int | None) -> None:
    """Lock the key until the transaction ends, so that no other transaction counts its recipients meanwhile.

    Without a key or a limit nothing is locked. SQLite has one writer at a time anyway.
    """
    if key_name is not None and limit is not None:
        is_key = (api_key.c.name == key_name) & api_key.c.revoked.is_(None)
        connection.execute(select(api_key.c.prefix).where(is_key).with_for_update())


def key_limit_reached(  # noqa: PLR0913 - each by its name
    connection: Connection, *, key_name: str | None, limit: int | None, submission_id: str, recipients: int, now: float
) -> KeyLimitReached | None:
    """Return how a new mail exceeds its key's limit, or None when it fits. Failed submissions do not count.

    Args:
        connection: a transaction that holds the key's lock.
        key_name: the name of the key; None: a caller without a key.
        limit: recipients in 24 hours; None for no limit.
        submission_id: the mail's; its own row, if it is stored already, does not count.
        recipients: how many recipients the mail has.
        now: the Unix time.
    """
    if key_name is None or limit is None:
        return None
    query = select(submission.c.created, submission.c.recipient_count).where(
        submission.c.key_name == key_name,
        submission.c.created > now - DAY_SECONDS,
        submission.c.state != SubmissionState.FAILED,
        submission.c.id != submission_id,
    )
    uses = [(created, count) for created, count in connection.execute(query.order_by(submission.c.created))]
    used = sum(count for _, count in uses)
    missing = used + recipients - limit
    return KeyLimitReached(limit, used, _freed_at(uses, missing)) if missing > 0 else None


def _room(name: str, limit: int, uses: list[tuple[float, int]]) -> KeyRoom:
    left = limit - sum(recipients for _, recipients in uses)
    return KeyRoom(name, left, None) if left > 0 else KeyRoom(name, 0, _freed_at(uses, 1 - left))


def _freed_at(uses: Iterable[tuple[float, int]], missing: int) -> float | None:
    """Return when the `missing` number of recipients has left the window, or None when it has fewer.

    Args:
        uses: the submission time and the recipients of each mail, oldest first.
        missing: how many recipients have to leave.
    """
    for created, recipients in uses:
        missing -= recipients
        if missing <= 0:
            return created + DAY_SECONDS
    return None
