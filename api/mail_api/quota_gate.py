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

    async def read(self) -> Quota:
        """Return the quota as it was within the last second, with what was admitted since.

        Raises:
            LedgerAway: it can't be read.
        """
        loop = asyncio.get_running_loop()
        async with self._asking:
            if self._quota is None or loop.time() >= self._valid_until:
                self._quota = await self._ledger.call("quota", lambda ledger: ledger.quotas.read())
                self._valid_until = loop.time() + _FRESH_SECONDS
            return self._quota

    async def shortage(self, recipients: int, *, important: bool) -> QuotaExhausted | None:
        """Tell why there is no room for so many recipients, or None when there is."""
        try:
            quota = await self.read()
        except LedgerAway:
            return None
        admitted = admit(quota, recipients=recipients, reserve=self._reserve, important=important)
        if isinstance(admitted, Refused):
            wait = None if admitted.retry_at is None else max(1, ceil(admitted.retry_at - quota.now))
            return QuotaExhausted(admitted.why, wait)
        return None

    @contextmanager
    def taken(self, recipients: int) -> Iterator[None]:
        """Count so many recipients until the ledger is asked again, or the block fails."""
        self._count(recipients)
        try:
            yield
        except BaseException:
            self._count(-recipients)
            raise

    def _count(self, recipients: int) -> None:
        if self._quota is not None:
            self._quota = replace(self._quota, in_queue=max(self._quota.in_queue + recipients, 0))
