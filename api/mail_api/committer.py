"""Gathers what requests want stored while the ledger is at work, and stores it in one go.

add ──▶ waiting ──▶ one thread: write_together ──▶ each request's own outcome
▲ what comes meanwhile waits for the next turn
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mail_ledger.group import Write

T = TypeVar("T")

_Waiting = list[tuple[Write[Any], "asyncio.Future[Any]"]]


class Committer:
    """Stores writes in the order they came, in a thread of its own."""

    def __init__(self, store: Callable[[Sequence[Write[Any]]], list[Any]]) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-writer")
        self._waiting: _Waiting = []
        self._is_busy = False
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    def add(self, write: Write[T]) -> "asyncio.Future[T]":
        """Return the future outcome of a write; one that is cancelled before its turn is left out."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        self._waiting.append((write, outcome))
        if not self._is_busy:
            self._is_busy = True
            self._at_rest.clear()
            loop.call_soon(self._turn)  # not at once: whoever is ready in this round of the loop comes along
        return outcome

    async def close(self) -> None:
        """Return once everything that was added is stored."""
        await self._at_rest.wait()
        await asyncio.to_thread(self._thread.shutdown)

    def _turn(self) -> None:
        taken = [(write, outcome) for write, outcome in self._waiting if not outcome.done()]
        self._waiting = []
        if not taken:
            self._is_busy = False
            self._at_rest.set()
            return
        writes = [write for write, _ in taken]
        storing = asyncio.get_running_loop().run_in_executor(self._thread, self._store, writes)
        storing.add_done_callback(lambda stored: self._tell(taken, stored))

    def _tell(self, taken: _Waiting, stored: "asyncio.Future[list[Any]]") -> None:
        defect = stored.exception()
        outcomes = [defect] * len(taken) if defect else stored.result()
        for (_, future), outcome in zip(taken, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        self._turn()
