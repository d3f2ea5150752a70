"""Calls the ledger from the event loop: in threads, with time limits, and with a pause after a failure.

    closed → open ⇄ unreachable

A failure is counted and logged. After it, no call is made for 2 s, so that a database that does not answer does not
delay every request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from loguru import logger

from mail_api.ledger_writer import LedgerWriter
from mail_api.settings import Settings
from mail_api.telemetry import Telemetry
from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.engine import LedgerError
from mail_ledger.group_commit import Write
from mail_ledger.status import Backoff
from mail_telemetry.cause_rules import classifier_or_stop
from mail_telemetry.masking import mask_address

T = TypeVar("T")

PAUSE_SECONDS: Final = 2.0
"""How long no call is made after a failure."""
LONGEST_CALL_SECONDS: Final = 6.0
"""A little more than the ledger's own longest wait for a lock."""
_THREADS: Final = 4


class LedgerUnreachable(Exception):
    """The ledger cannot be used now; the failure was counted and logged."""

    def __init__(self, *, is_late: bool = False) -> None:
        super().__init__()
        self.is_late = is_late
        """Whether the ledger did not answer in time; it may still complete the call."""


class _Open(NamedTuple):
    """The open ledger, and its writer."""

    ledger: ApiLedger
    writer: LedgerWriter


class LedgerClient:
    """Opens the ledger, and calls it.

    Args:
        url: LEDGER_URL.
        rules: settings that the ledger's answers depend on.
        telemetry: counts the failures.
    """

    def __init__(self, url: str, rules: Rules, telemetry: Telemetry) -> None:
        self._url = url
        self._rules = rules
        self._telemetry = telemetry
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger")
        self._opening: asyncio.Task[_Open] | None = None
        self._known: _Open | None = None
        self._paused_until = 0.0
        self._is_unreachable = False

    async def call(
        self, operation: str, use: Callable[[ApiLedger], T], longest: float | None = LONGEST_CALL_SECONDS
    ) -> T:
        """Return the result of `use` with the ledger, within `longest` seconds.

        Raises:
            LedgerUnreachable: it can't be opened or does not answer; the failure is counted under `operation`.
        """
        loop = asyncio.get_running_loop()
        return await self._limited(
            operation, lambda known: loop.run_in_executor(self._threads, use, known.ledger), longest
        )

    async def write(
        self, operation: str, plan: Callable[[ApiLedger], Write[T]], longest: float = LONGEST_CALL_SECONDS
    ) -> T:
        """Return the result of the planned write, once it is stored, in one transaction with writes of other requests.

        Raises:
            LedgerUnreachable: as above.
        """
        return await self._limited(operation, lambda known: known.writer.add(plan(known.ledger)), longest)

    async def _limited(self, operation: str, start: Callable[[_Open], Awaitable[T]], longest: float | None) -> T:
        loop = asyncio.get_running_loop()
        if loop.time() < self._paused_until:
            self._telemetry.count_ledger_fault(operation)
            raise LedgerUnreachable
        try:
            async with asyncio.timeout(longest):
                found = await start(self._known or await self._open())
        except (LedgerError, TimeoutError) as problem:
            self._telemetry.count_ledger_fault(operation)
            if isinstance(problem, LedgerError) and problem.is_about_value:
                raise LedgerUnreachable from None
            self._paused_until = loop.time() + PAUSE_SECONDS
            self._log_change(is_unreachable=True, reason=str(problem) or "no answer in time")
            raise LedgerUnreachable(is_late=isinstance(problem, TimeoutError)) from None
        self._log_change(is_unreachable=False)
        return found

    async def close(self) -> None:
        """Close the ledger, after the current write."""
        if self._known:
            await self._known.writer.close()
        await asyncio.to_thread(self._threads.shutdown)
        if self._known:
            self._known.ledger.close()

    async def _open(self) -> _Open:
        # All waiting requests share one attempt. It continues when they time out, because a migration can take long.
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open_now())
            self._opening.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(self._opening)

    async def _open_now(self) -> _Open:
        loop = asyncio.get_running_loop()
        ledger = await loop.run_in_executor(self._threads, ApiLedger.open, self._url, self._rules)
        self._known = _Open(ledger, LedgerWriter(ledger.write))
        return self._known

    def _log_change(self, *, is_unreachable: bool, reason: str = "") -> None:
        if is_unreachable and not self._is_unreachable:
            logger.bind(reason=reason).warning(
                "ledger unreachable (LEDGER_URL); mail is sent without status, quota and idempotency"
            )
        elif self._is_unreachable and not is_unreachable:
            logger.info("ledger reachable again")
        self._is_unreachable = is_unreachable


def ledger_rules(settings: Settings) -> Rules:
    """Return the settings that the ledger's answers depend on; exit with status 2 if CAUSE_RULES_FILE is invalid."""
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
        classifier=classifier_or_stop(settings.cause_rules_file),
    )
