"""Limits of concurrent requests and of buffered bytes."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from mail_api.errors import TooManyRequests
from mail_api.request_body import RequestCapacity
from tests.unit.api.fake_postfix import HOLD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import StartApi
    from tests.unit.api.fake_postfix import FakePostfix


def test_number() -> None:
    """At most this many requests are admitted, and again when they have ended."""
    capacity = RequestCapacity(2, 1000)
    with capacity.request(), capacity.request(), pytest.raises(TooManyRequests), capacity.request():
        pass
    with capacity.request():
        pass


def test_bytes() -> None:
    """Bytes are counted as they arrive; at the limit only small bodies are admitted; all are released at the end."""
    capacity = RequestCapacity(1000, 1_000_000)
    with ExitStack() as stack:
        large = [stack.enter_context(capacity.request()) for _ in range(30)]
        for memory in large[:17]:
            memory.grow(500_000)
            memory.grow(1_000_000)
        large[17].grow(100_000)
        with pytest.raises(TooManyRequests):
            large[18].grow(1_000_000)
        for _ in range(200):
            stack.enter_context(capacity.request()).grow(60_000)
    with capacity.request() as memory:
        memory.grow(16_000_000)


@pytest.mark.slow
async def test_slow_senders(start_api: StartApi) -> None:
    """Slow clients with large bodies take only the room of the bytes they have sent, so small requests are admitted."""
    api = await start_api(max_concurrent_requests=200, request_timeout_seconds=20)
    going_on = asyncio.Event()

    async def slow(first: int) -> AsyncIterator[bytes]:
        yield b'{"subject": "' + b"x" * first
        await going_on.wait()

    headers = {"Content-Type": "application/json", "Content-Length": "1000000"}
    senders = [
        asyncio.create_task(api.client.post("/send", content=slow(first), headers=headers))
        for first in [10] * 100 + [900_000] * 30
    ]
    await asyncio.sleep(0.1)
    assert (await api.send()).status_code == 200
    going_on.set()
    answers = await asyncio.gather(*senders)
    assert Counter(answer.json()["code"] for answer in answers) == {"invalid_request": 119, "too_many_requests": 11}


async def test_answer(start_api: StartApi, postfix: FakePostfix) -> None:
    """A request above the limit is answered 503 at once, with Retry-After."""
    api = await start_api(max_concurrent_requests=1, smtp_retry_seconds=5)
    postfix.fail("CONTENT", HOLD)
    first = asyncio.create_task(api.send())
    await postfix.wait_for("CONTENT")
    second = await api.send()
    postfix.held.set()
    assert (await first).status_code == 200
    assert (second.status_code, second.json()["code"], second.headers["Retry-After"]) == (503, "too_many_requests", "5")
    assert (await api.send()).status_code == 200
