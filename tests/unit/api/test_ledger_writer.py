"""Gathering writes: everybody gets his own outcome, nobody is forgotten at the end."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mail_api.ledger_writer import LedgerWriter
from mail_ledger.group_commit import Write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


class Store:
    """A ledger that notes what it is given together, and takes its time until `go` is set."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.defect: Exception | None = None

    def __call__(self, writes: Sequence[Write[Any]]) -> list[Any]:
        """Return the writes' names as their outcomes; a ValueError for those called `bad`."""
        self.groups.append([write.action for write in writes])
        assert self.go.wait(5)
        if self.defect:
            raise self.defect
        return [ValueError(write.action) if write.action == "bad" else write.action for write in writes]


def called(name: str) -> Write[str]:
    """Return a write that is told by its name."""

    def store(_: Connection) -> str:
        return name

    return Write(name, store)


@pytest.fixture
def store() -> Store:
    """A ledger that is quick."""
    return Store()


async def test_together(store: Store) -> None:
    """Who comes in the same round of the loop is stored together, in the order of coming."""
    writer = LedgerWriter(store)
    assert await asyncio.gather(*(writer.add(called(name)) for name in "abc")) == ["a", "b", "c"]
    assert store.groups == [["a", "b", "c"]]
    await writer.close()


async def test_meanwhile(store: Store) -> None:
    """Who comes while the ledger is at work is stored next, all of them in one go."""
    store.go.clear()
    writer = LedgerWriter(store)
    first = writer.add(called("a"))
    await asyncio.sleep(0)
    others = [writer.add(called(name)) for name in "bcd"]
    store.go.set()
    assert await asyncio.gather(first, *others) == ["a", "b", "c", "d"]
    assert store.groups == [["a"], ["b", "c", "d"]]
    await writer.close()


async def test_own_outcome(store: Store) -> None:
    """A failure is told to whom it belongs."""
    writer = LedgerWriter(store)
    found = await asyncio.gather(*(writer.add(called(name)) for name in ("a", "bad", "c")), return_exceptions=True)
    assert [repr(outcome) for outcome in found] == ["'a'", "ValueError('bad')", "'c'"]
    await writer.close()


async def test_defect(store: Store) -> None:
    """When storing itself breaks, all of the group are told, and the next group has its turn."""
    writer = LedgerWriter(store)
    store.defect = RuntimeError("broken")
    found = await asyncio.gather(writer.add(called("a")), writer.add(called("b")), return_exceptions=True)
    assert [repr(outcome) for outcome in found] == ["RuntimeError('broken')"] * 2
    store.defect = None
    assert await writer.add(called("c")) == "c"
    await writer.close()


async def test_cancelled(store: Store) -> None:
    """Who leaves before his turn is left out; who leaves during it harms nobody."""
    store.go.clear()
    writer = LedgerWriter(store)
    first, second = writer.add(called("a")), writer.add(called("b"))
    await asyncio.sleep(0)
    third, fourth = writer.add(called("c")), writer.add(called("d"))
    first.cancel()
    third.cancel()
    store.go.set()
    assert (await second, await fourth, store.groups) == ("b", "d", [["a", "b"], ["d"]])
    await writer.close()


async def test_close_flushes(store: Store) -> None:
    """Closing waits for all that was added, also for what still waits for its turn."""
    store.go.clear()
    writer = LedgerWriter(store)
    added = [writer.add(called("a"))]
    await asyncio.sleep(0)
    added.append(writer.add(called("b")))
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    assert not closing.done()
    store.go.set()
    await closing
    assert ([outcome.result() for outcome in added], store.groups) == (["a", "b"], [["a"], ["b"]])


async def test_close_unused(store: Store) -> None:
    """A writer that had nothing to do ends at once."""
    await LedgerWriter(store).close()
    assert store.groups == []
