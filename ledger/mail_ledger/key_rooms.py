"""What room each API key with a limit of its own has left."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine, select

from mail_ledger.key_limit import freed_at
from mail_ledger.submission import DAY_SECONDS, SubmissionState
from mail_ledger.tables import api_key, submission
from mail_ledger.transactions import reading


class KeyRoom(NamedTuple):
    """The room of one valid key, in recipients; `reopens` (Unix seconds) is set while there is none."""

    name: str
    room: int
    reopens: float | None


class KeyRooms:
    """The rooms of all valid keys that have a limit for 24 hours.

    Args:
        engine: the ledger's.
        now: returns the Unix time.
    """

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now

    def read(self) -> list[KeyRoom]:
        """Return the rooms, by name.

        Raises:
            LedgerError: the ledger can't be read.
        """
        has_limit = api_key.c.revoked.is_(None) & api_key.c.recipients_per_day.is_not(None)
        limited = select(api_key.c.name, api_key.c.recipients_per_day).where(has_limit).order_by(api_key.c.name)
        with reading(self._engine, "read the rooms of the keys") as connection:
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


def _room(name: str, limit: int, uses: list[tuple[float, int]]) -> KeyRoom:
    left = limit - sum(recipients for _, recipients in uses)
    return KeyRoom(name, left, None) if left > 0 else KeyRoom(name, 0, freed_at(uses, 1 - left))
