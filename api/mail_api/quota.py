"""Admission by the relay's daily quota, which is read from the ledger at most once a second."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from typing import Final

from mail_api.errors import QuotaExhausted
from mail_api.ledger_client import LedgerClient, LedgerUnreachable
from mail_ledger.quota import NoRoom, Quota, admit

_FRESH_SECONDS: Final = 1.0


class QuotaAdmission:
    """Admits recipients while the relay's limit, less the reserve, has room for them.

    Without the ledger all are admitted: what the relay does not take waits in the queue.
    """

    def __init__(self, ledger: LedgerClient, reserve: int) -> None:
        self._ledger = ledger
        self._reserve = reserve
        self._reading = asyncio.Lock()
        self._quota: Quota | None = None
        self._valid_until = 0.0
        self._unwritten = 0
        """Recipients that were admitted and are not in the ledger yet."""
        self._written = 0
        """Recipients that were stored in the ledger since it was read."""

    async def read(self) -> Quota:
        """Return the quota as read from the ledger within the last second, plus the recipients admitted since then.

        Raises:
            LedgerUnreachable: it can't be read.
        """
        loop = asyncio.get_running_loop()
        async with self._reading:
            if self._quota is None or loop.time() >= self._valid_until:
                self._written = 0
                self._quota = await self._ledger.call("quota", lambda ledger: ledger.quota.read())
                self._valid_until = loop.time() + _FRESH_SECONDS
            return replace(self._quota, in_queue=self._quota.in_queue + self._unwritten + self._written)

    async def admit(self, recipients: int, *, important: bool) -> QuotaExhausted | None:
        """Reserve room for this number of recipients and return None, or return the reason why there is no room.

        The caller has to store admitted recipients (`storing`), and give them back if their mail is not sent.
        """
        try:
            quota = await self.read()
        except LedgerUnreachable:
            quota = None
        # No await between the check and the count, so that two requests cannot take the same room.
        if quota is not None:
            verdict = admit(quota, recipients=recipients, reserve=self._reserve, important=important)
            if isinstance(verdict, NoRoom):
                wait = None if verdict.retry_at is None else max(1, ceil(verdict.retry_at - quota.now))
                return QuotaExhausted(verdict.why, wait)
        self._unwritten += recipients
        return None

    @contextmanager
    def storing(self, recipients: int) -> Iterator[None]:
        """Count the recipients as stored in the ledger after the block, which stores them, unless the block fails."""
        try:
            yield
            self._written += recipients
        finally:
            self._unwritten -= recipients

    def give_back(self, recipients: int) -> None:
        """Release the room of recipients that were admitted and stored, but whose mail was not sent."""
        self._written = max(self._written - recipients, 0)
