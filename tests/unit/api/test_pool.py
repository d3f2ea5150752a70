"""SMTP connection pool: size, order, reuse and cancellation."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from mail_api import smtp as smtp_module
from mail_api.smtp import Pool
from tests.unit.api.fake_postfix import HANG

if TYPE_CHECKING:
    from tests.unit.api.fake_postfix import FakePostfix


def soon() -> float:
    """Return a deadline in two seconds."""
    return asyncio.get_running_loop().time() + 2


async def use(pool: Pool) -> None:
    """Borrow a connection and send a command on it."""
    async with pool.connection(soon()) as smtp:
        await smtp.mail("a@x.test")


async def test_lazy_and_reused(postfix: FakePostfix) -> None:
    """A connection is opened when it is needed, and then reused."""
    pool = Pool("127.0.0.1", postfix.port, 4)
    assert (pool.idle, postfix.sessions) == (0, 0)
    for _ in range(5):
        await use(pool)
    assert (pool.idle, pool.busy, postfix.sessions) == (1, 0, 1)
    await pool.close()


async def test_bounded(postfix: FakePostfix) -> None:
    """There are never more connections than the size, however many are requested."""
    pool = Pool("127.0.0.1", postfix.port, 3)
    await asyncio.gather(*(use(pool) for _ in range(50)))
    assert postfix.sessions == 3
    await pool.close()


async def test_cancelled_while_waiting(postfix: FakePostfix) -> None:
    """A caller that is cancelled while waiting takes no connection."""
    pool = Pool("127.0.0.1", postfix.port, 1)
    async with pool.connection(soon()):
        waiting = asyncio.create_task(use(pool))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    await use(pool)
    assert (pool.busy, postfix.sessions) == (0, 1)
    await pool.close()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL"])
async def test_cancelled_in_use(postfix: FakePostfix, stage: str) -> None:
    """A connection whose user was cancelled during a dialogue is closed, and can be replaced."""
    postfix.fail(stage, HANG)
    pool = Pool("127.0.0.1", postfix.port, 1)
    user = asyncio.create_task(use(pool))
    await postfix.wait_for(stage)
    user.cancel()
    await asyncio.wait([user])
    assert (pool.busy, pool.idle) == (0, 0)
    await use(pool)
    assert postfix.sessions == 2
    await pool.close()


async def test_fresh(postfix: FakePostfix) -> None:
    """A fresh session replaces the one at hand."""
    pool = Pool("127.0.0.1", postfix.port, 1)
    await use(pool)
    async with pool.connection(soon(), fresh=True):
        pass
    assert postfix.sessions == 2
    await pool.close()


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "MAX_AGE_SECONDS"])
async def test_ends_by_itself(postfix: FakePostfix, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """A session that was idle or open for too long is ended with QUIT."""
    monkeypatch.setattr(smtp_module, limit, 0.0)
    pool = Pool("127.0.0.1", postfix.port, 1)
    await use(pool)
    await postfix.wait_for("QUIT")
    assert (pool.idle, pool.busy) == (0, 0)
    await pool.close()


async def test_used_again_before_idle_ends(postfix: FakePostfix) -> None:
    """Borrowing a session stops its idle timer; the loop holds one timer per idle connection at most."""
    pool = Pool("127.0.0.1", postfix.port, 1)
    await use(pool)
    async with pool.connection(soon()):
        assert (pool.busy, pool.idle) == (1, 0)
    assert postfix.sessions == 1
    await pool.close()


async def test_close_waits(postfix: FakePostfix) -> None:
    """Closing waits for the mail in progress, then sends QUIT in every session."""
    pool = Pool("127.0.0.1", postfix.port, 2)
    async with pool.connection(soon()) as smtp:
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        assert not closing.done()
        await smtp.mail("a@x.test")
    await closing
    await postfix.wait_for("QUIT")
    assert pool.idle == 0


async def test_first_come_first_served(postfix: FakePostfix) -> None:
    """A later caller does not get a connection before one that is waiting."""
    pool = Pool("127.0.0.1", postfix.port, 1)
    served = []

    async def wait(name: str) -> None:
        async with pool.connection(soon()):
            served.append(name)
            await asyncio.sleep(0)

    async with pool.connection(soon()):
        waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
    await asyncio.gather(wait("late"), *waiting)
    assert served == ["first", "second", "late"]
    await pool.close()


async def test_close_ends_all_at_once(postfix: FakePostfix, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing waits for all servers that do not answer QUIT at the same time."""
    monkeypatch.setattr(smtp_module, "_QUIT_SECONDS", 0.2)
    postfix.fail("QUIT", *[HANG] * 5)
    pool = Pool("127.0.0.1", postfix.port, 5)
    async with AsyncExitStack() as borrowed:
        for _ in range(5):
            await borrowed.enter_async_context(pool.connection(soon()))
    async with asyncio.timeout(0.8):
        await pool.close()
