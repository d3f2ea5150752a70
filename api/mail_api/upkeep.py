"""Looks after the ledger while the API runs: settles what was unknown, forgets what is old."""

import asyncio
import threading
from typing import Final

from loguru import logger

from mail_api.books import Books
from mail_api.ledger_access import LedgerAccess, LedgerAway

_TURN_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 60.0
_PRUNE_SECONDS: Final = 86_400.0


class Stopped(Exception):
    """The API ends while the ledger is being pruned; the rest is done the next time."""


async def look_after(ledger: LedgerAccess, books: Books, retention_days: float) -> None:
    """Close entries each second, settle each minute, prune each day, until cancelled. Replicas may all do it."""
    stopping = threading.Event()
    loop = asyncio.get_running_loop()
    next_settle = next_prune = loop.time()
    try:
        while True:
            with logger.catch(message="looking after the ledger failed"):  # a defect here must not end the loop
                await books.close_the_rest()
                if loop.time() >= next_settle:
                    next_settle = loop.time() + _SETTLE_SECONDS
                    await _settle(ledger)
                if loop.time() >= next_prune and await _prune(ledger, retention_days, stopping):
                    next_prune = loop.time() + _PRUNE_SECONDS
            await asyncio.sleep(_TURN_SECONDS)
    finally:
        stopping.set()


async def _settle(ledger: LedgerAccess) -> None:
    try:
        settled = await ledger.call("settle", lambda known: known.submissions.settle())
    except LedgerAway:
        return
    if settled.accepted or settled.failed:
        logger.bind(accepted=settled.accepted, failed=settled.failed).info("the log told what was unknown")


async def _prune(ledger: LedgerAccess, days: float, stopping: threading.Event) -> bool:
    def wait(seconds: float) -> None:
        if stopping.wait(seconds):
            raise Stopped

    try:
        pruned = await ledger.call("prune", lambda known: known.prune(days, wait), longest=None)
    except (LedgerAway, Stopped):
        return False
    if any(pruned):
        logger.bind(messages=pruned.messages, submissions=pruned.submissions).info("forgot old mails")
    return True
