"""The ledger from an event loop's side: in threads of its own, and never a reason to refuse a mail.

    closed → open ⇄ away

A fault is counted and logged, and for a while nobody asks again: a database that hangs would else hold up each request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from loguru import logger

from mail_api.committer import Committer
from mail_api.settings import Settings
from mail_api.telemetry import Telemetry
from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.backoff import Backoff
from mail_ledger.engine import LedgerError
from mail_ledger.group import Write
from mail_telemetry.masking import mask_address

T = TypeVar("T")

AWAY_SECONDS: Final = 2.0
"""How long nobody asks after a fault."""
LONGEST_CALL_SECONDS: Final = 6.0
"""A little more than the ledger's own longest wait for a lock."""
_THREADS: Final = 4


class LedgerAway(Exception):
    """The ledger can't be used now; it is counted and logged already."""

    def __init__(self, *, is_late: bool = False) -> None:
        super().__init__()
        self.is_late = is_late
        """It did not answer in time, and may still do what it was asked."""


class _Open(NamedTuple):
    """The ledger, once it is open, and what stores in it."""

    ledger: ApiLedger
    committer: Committer


class LedgerAccess:
    """Opens the ledger when it can be opened, and asks it.

    Args:
        url: LEDGER_URL.
        rules: what the ledger's answers depend on.
        telemetry: counts the faults.
    """

    def __init__(self, url: str, rules: Rules, telemetry: Telemetry) -> None:
        self._url = url
        self._rules = rules
        self._telemetry = telemetry
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger")
        self._opening: asyncio.Task[_Open] | None = None
        self._known: _Open | None = None
        self._away_until = 0.0
        self._is_away = False

    async def call(
        self, operation: str, use: Callable[[ApiLedger], T], longest: float | None = LONGEST_CALL_SECONDS
    ) -> T:
        """Return what `use` makes of the ledger, within `longest` seconds.

        Raises:
            LedgerAway: it can't be opened or does not answer; `operation` is counted as missed.
        """
        loop = asyncio.get_running_loop()
        return await self._ask(operation, lambda known: loop.run_in_executor(self._threads, use, known.ledger), longest)

    async def write(
        self, operation: str, plan: Callable[[ApiLedger], Write[T]], longest: float = LONGEST_CALL_SECONDS
    ) -> T:
        """Return what the planned write returns, once it is stored; with those of other requests, in one transaction.

        Raises:
            LedgerAway: as above.
        """
        return await self._ask(operation, lambda known: known.committer.add(plan(known.ledger)), longest)

    async def _ask(self, operation: str, ask: Callable[[_Open], Awaitable[T]], longest: float | None) -> T:
        loop = asyncio.get_running_loop()
        if loop.time() < self._away_until:
            self._telemetry.count_ledger_fault(operation)
            raise LedgerAway
        try:
            async with asyncio.timeout(longest):
                found = await ask(self._known or await self._open())
        except (LedgerError, TimeoutError) as problem:
            self._telemetry.count_ledger_fault(operation)
            if isinstance(problem, LedgerError) and problem.is_about_value:
                raise LedgerAway from None
            self._away_until = loop.time() + AWAY_SECONDS
            self._say(is_away=True, reason=str(problem) or "no answer in time")
            raise LedgerAway(is_late=isinstance(problem, TimeoutError)) from None
        self._say(is_away=False)
        return found

    async def close(self) -> None:
        """Release the connections, after what is being stored now."""
        if self._known:
            await self._known.committer.close()
        await asyncio.to_thread(self._threads.shutdown)
        if self._known:
            self._known.ledger.close()

    async def _open(self) -> _Open:
        # One try for all who wait, which goes on when they have gone: a migration may take its time.
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open_now())
            self._opening.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(self._opening)

    async def _open_now(self) -> _Open:
        loop = asyncio.get_running_loop()
        ledger = await loop.run_in_executor(self._threads, ApiLedger.open, self._url, self._rules)
        self._known = _Open(ledger, Committer(ledger.write))
        return self._known

    def _say(self, *, is_away: bool, reason: str = "") -> None:
        if is_away and not self._is_away:
            logger.bind(reason=reason).warning(
                "LEDGER_URL can't be used: mail is sent all the same, without status, quota and idempotency"
            )
        elif self._is_away and not is_away:
            logger.info("the ledger is back")
        self._is_away = is_away


def ledger_rules(settings: Settings) -> Rules:
    """Return what the settings say about the ledger's answers."""
    return Rules(
        daily_limit=settings.smtp_relay_daily_limit,
        window=settings.quota_window_seconds,
        relay=settings.smtp_relay_host,
        mask=mask_address if settings.ledger_addresses == "masked" else str,
        backoff=Backoff(
            settings.minimal_backoff_time,
            settings.maximal_backoff_time,
            settings.queue_run_delay,
            settings.maximal_queue_lifetime,
        ),
    )
