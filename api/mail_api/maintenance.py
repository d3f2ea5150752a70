"""Ledger maintenance while the API runs: late and unknown outcomes, deletion of old mails, release of caught mails."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger

from mail_api.caught_mails import CaughtMails
from mail_api.ledger_client import LedgerClient, LedgerUnreachable
from mail_api.submissions import Submissions

_ROUND_SECONDS: Final = 1.0
_RESOLVE_SECONDS: Final = 60.0
_PRUNE_SECONDS: Final = 86_400.0
_PRUNE_RETRY_SECONDS: Final = 600.0
"""Pause after a failed deletion. Each failure is counted as a ledger fault, so retries are rare."""
_CAUGHT_PRUNE_SECONDS: Final = 3600.0
_RELEASE_SECONDS: Final = 2.0
_UNREACHABLE_SECONDS: Final = 30.0


class Stopped(Exception):
    """The API stops during the deletion of old mails, which continues at the next start."""


async def maintain(ledger: LedgerClient, submissions: Submissions, retention_days: float) -> None:
    """Retry outcomes each second, resolve unknown ones each minute, prune each day, until cancelled.

    All replicas may run it at the same time.
    """
    stopping = threading.Event()
    loop = asyncio.get_running_loop()
    next_resolve = next_prune = loop.time()
    try:
        while True:
            with logger.catch(message="ledger maintenance failed"):  # an error must not end the loop
                await submissions.retry_unfinished()
                if loop.time() >= next_resolve:
                    next_resolve = loop.time() + _RESOLVE_SECONDS
                    await _resolve(ledger)
                if loop.time() >= next_prune:
                    is_pruned = await _prune(ledger, retention_days, stopping)
                    next_prune = loop.time() + (_PRUNE_SECONDS if is_pruned else _PRUNE_RETRY_SECONDS)
            await asyncio.sleep(_ROUND_SECONDS)
    finally:
        stopping.set()


async def maintain_caught_mails(caught_mails: CaughtMails, release: Callable[[], Awaitable[bool]]) -> None:
    """Release caught mails within seconds of the request, and delete old ones each hour, until cancelled.

    A release may wait for the mail server; therefore it has a task of its own. All replicas may run it.

    Args:
        caught_mails: deletes the old ones.
        release: releases the requested ones; returns whether the ledger could be read.
    """
    loop = asyncio.get_running_loop()
    next_prune = loop.time()
    while True:
        is_reachable = True
        with logger.catch(message="maintenance of caught mails failed"):
            if loop.time() >= next_prune:
                next_prune = loop.time() + _CAUGHT_PRUNE_SECONDS
                await caught_mails.prune()
            if caught_mails.keep_seconds:
                is_reachable = await release()
        await asyncio.sleep(_RELEASE_SECONDS if is_reachable else _UNREACHABLE_SECONDS)


async def _resolve(ledger: LedgerClient) -> None:
    try:
        settled = await ledger.call("settle", lambda known: known.unknown_outcomes.resolve())
    except LedgerUnreachable:
        return
    if settled.accepted or settled.failed:
        logger.bind(accepted=settled.accepted, failed=settled.failed).info(
            "resolved unknown submissions from the mail log"
        )


async def _prune(ledger: LedgerClient, days: float, stopping: threading.Event) -> bool:
    def wait(seconds: float) -> None:
        if stopping.wait(seconds):
            raise Stopped

    try:
        pruned = await ledger.call("prune", lambda known: known.prune(days, wait), longest=None)
    except (LedgerUnreachable, Stopped):
        return False
    if any(pruned):
        logger.bind(messages=pruned.messages, submissions=pruned.submissions).info("deleted old mails from the ledger")
    return True
