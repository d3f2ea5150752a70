"""Group commits of the ledger writer: each caller gets its own result, and closing loses no write."""

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
    """A ledger that records the groups of writes, and blocks while `go` is cleared."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.go = threading.Event()
        self.go.set()
        self.defect: Exception | None = None

    def __call__(self, writes: Sequence[Write[Any]]) -> list[Any]:
        """Return the writes' names as their results; a ValueError for those write_named `bad`."""
        self.groups.append([write.action for write in writes])
        assert self.go.wait(5)
        if self.defect:
            raise self.defect
        return [ValueError(write.action) if write.action == "bad" else write.action for write in writes]


def write_named(name: str) -> Write[str]:
    """Return a write with this name."""

    def store(_: Connection) -> str:
        return name

    return Write(name, store)


@pytest.fixture
def store() -> Store:
    """Return a ledger that does not block."""
    return Store()


async def test_together(store: Store) -> None:
    """Writes of the same round of the event loop are stored together, in their order."""
    writer = LedgerWriter(store)
    assert await asyncio.gather(*(writer.add(write_named(name)) for name in "abc")) == ["a", "b", "c"]
    assert store.groups == [["a", "b", "c"]]
    await writer.close()


async def test_meanwhile(store: Store) -> None:
    """Writes that arrive while the ledger is busy are stored next, in one group."""
    store.go.clear()
    writer = LedgerWriter(store)
    first = writer.add(write_named("a"))
    await asyncio.sleep(0)
    others = [writer.add(write_named(name)) for name in "bcd"]
    store.go.set()
    assert await asyncio.gather(first, *others) == ["a", "b", "c", "d"]
    assert store.groups == [["a"], ["b", "c", "d"]]
    await writer.close()


async def test_own_outcome(store: Store) -> None:
    """An error is raised for its own write only."""
    writer = LedgerWriter(store)
    found = await asyncio.gather(*(writer.add(write_named(name)) for name in ("a", "bad", "c")), return_exceptions=True)
    assert [repr(outcome) for outcome in found] == ["'a'", "ValueError('bad')", "'c'"]
    await writer.close()


async def test_defect(store: Store) -> None:
    """An error of the whole group is raised for each of its writes, and the next group is stored."""
    writer = LedgerWriter(store)
    store.defect = RuntimeError("broken")
    found = await asyncio.gather(writer.add(write_named("a")), writer.add(write_named("b")), return_exceptions=True)
    assert [repr(outcome) for outcome in found] == ["RuntimeError('broken')"] * 2
    store.defect = None
    assert await writer.add(write_named("c")) == "c"
    await writer.close()


async def test_cancelled(store: Store) -> None:
    """A write that is cancelled before its turn is not stored; one that is cancelled later does not affect others."""
    store.go.clear()
    writer = LedgerWriter(store)
    first, second = writer.add(write_named("a")), writer.add(write_named("b"))
    await asyncio.sleep(0)
    third, fourth = writer.add(write_named("c")), writer.add(write_named("d"))
    first.cancel()
    third.cancel()
    store.go.set()
    assert (await second, await fourth, store.groups) == ("b", "d", [["a", "b"], ["d"]])
    await writer.close()


async def test_close_flushes(store: Store) -> None:
    """Closing waits for all writes, also for those that are not stored yet."""
    store.go.clear()
    writer = LedgerWriter(store)
    added = [writer.add(write_named("a"))]
    await asyncio.sleep(0)
    added.append(writer.add(write_named("b")))
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0)
    assert not closing.done()
    store.go.set()
    await closing
    assert ([outcome.result() for outcome in added], store.groups) == (["a", "b"], [["a"], ["b"]])


async def test_close_unused(store: Store) -> None:
    """Closing a writer without writes returns at once."""
    await LedgerWriter(store).close()
    assert store.groups == []
