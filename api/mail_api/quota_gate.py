"""Is there room in the relay's day for so many recipients? Asked of the ledger, at most once a second."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from typing import Final

from mail_api.errors import QuotaExhausted
from mail_api.ledger_access import LedgerAccess, LedgerAway
from mail_ledger.quota import Quota
from mail_ledger.quota_admission import Refused, admit

_FRESH_SECONDS: Final = 1.0


class QuotaGate:
    """Admits recipients while the relay's limit, less the reserve, has room for them.

    Without the ledger everybody is admitted: what the relay does not take waits in the queue.
    """

    def __init__(self, ledger: LedgerAccess, reserve: int) -> None:
        self._ledger = ledger
        self._reserve = reserve
        self._asking = asyncio.Lock()
        self._quota: Quota | None = None
        self._valid_until = 0.0
        self._unwritten = 0
        """Recipients that were admitted and are not in the ledger yet."""
        self._written = 0
        """Recipients that came into the ledger since it was asked."""

    async def read(self) -> Quota:
        """Return the quota as the ledger had it within the last second, with what was admitted since.

        Raises:
            LedgerAway: it can't be read.
        """
        loop = asyncio.get_running_loop()
        async with self._asking:
            if self._quota is None or loop.time() >= self._valid_until:
                self._written = 0
                self._quota = await self._ledger.call("quota", lambda ledger: ledger.quotas.read())
                self._valid_until = loop.time() + _FRESH_SECONDS
            return replace(self._quota, in_queue=self._quota.in_queue + self._unwritten + self._written)

    async def admit(self, recipients: int, *, important: bool) -> QuotaExhausted | None:
        """Tell why there is no room for so many recipients; or None, and they count from now on.

        What was admitted has to be written down (`writing`), and given back when it is not sent.
        """
        try:
            quota = await self.read()
        except LedgerAway:
            quota = None
        # From here to the count nobody else gets a turn, so that two can't take the same room.
        if quota is not None:
            verdict = admit(quota, recipients=recipients, reserve=self._reserve, important=important)
            if isinstance(verdict, Refused):
                wait = None if verdict.retry_at is None else max(1, ceil(verdict.retry_at - quota.now))
                return QuotaExhausted(verdict.why, wait)
        self._unwritten += recipients
        return None

    @contextmanager
    def writing(self, recipients: int) -> Iterator[None]:
        """Let the ledger count so many admitted recipients after the block, which writes them down, unless it fails."""
        try:
            yield
            self._written += recipients
        finally:
            self._unwritten -= recipients

    def give_back(self, recipients: int) -> None:
        """Make room again: so many were admitted and written down, and not sent."""
        self._written = max(self._written - recipients, 0)
