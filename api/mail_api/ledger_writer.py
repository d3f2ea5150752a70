"""Group commit: one thread stores the ledger writes of several requests in one transaction.

add ──▶ waiting ──▶ one thread: write_together ──▶ the result of each request
▲ writes that are added meanwhile wait for the next transaction

A commit waits for the disk. If each of 20 requests had a transaction, they would wait for 20 commits one after the
other; together they wait for one.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mail_ledger.group_commit import Write

T = TypeVar("T")

_Waiting = list[tuple[Write[Any], "asyncio.Future[Any]"]]


class LedgerWriter:
    """Stores writes in their order, in a thread of its own."""

    def __init__(self, store: Callable[[Sequence[Write[Any]]], list[Any]]) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._waiting: _Waiting = []
        self._is_busy = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, write: Write[T]) -> "asyncio.Future[T]":
        """Return the future result of a write; one that is cancelled before its transaction is left out."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        self._waiting.append((write, outcome))
        if not self._is_busy:
            self._is_busy = True
            self._idle.clear()
            loop.call_soon(self._next_transaction)  # not at once: writes of other requests join
        return outcome

    async def close(self) -> None:
        """Return once all added writes are stored."""
        await self._idle.wait()
        await asyncio.to_thread(self._thread.shutdown)

    def _next_transaction(self) -> None:
        taken = [(write, outcome) for write, outcome in self._waiting if not outcome.done()]
        self._waiting = []
        if not taken:
            self._is_busy = False
            self._idle.set()
            return
        writes = [write for write, _ in taken]
        storing = asyncio.get_running_loop().run_in_executor(self._thread, self._store, writes)
        storing.add_done_callback(lambda stored: self._deliver(taken, stored))

    def _deliver(self, taken: _Waiting, stored: "asyncio.Future[list[Any]]") -> None:
        error = stored.exception()
        outcomes = [error] * len(taken) if error else stored.result()
        for (_, future), outcome in zip(taken, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        self._next_transaction()
