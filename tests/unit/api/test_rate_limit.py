"""Rate limits by client address."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from mail_api.errors import RateLimited
from mail_api.rate_limit import RateLimiter
from mail_api.settings import MEMORY, OFF

if TYPE_CHECKING:
    from tests.unit.api.conftest import StartApi
    from tests.unit.api.fake_postfix import FakePostfix


async def test_window() -> None:
    """Each client has its own number of requests, and the error has the time until the next one."""
    rates = RateLimiter("2/minute", MEMORY)
    for client in ("a", "b", "a", "b"):
        await rates.check(client)
    with pytest.raises(RateLimited) as raised:
        await rates.check("a")
    assert 1 <= raised.value.retry_after <= 60


async def test_smallest_window_wins() -> None:
    """All of several rates are enforced."""
    rates = RateLimiter("100/second,3/day", MEMORY)
    for _ in range(3):
        await rates.check("a")
    with pytest.raises(RateLimited) as raised:
        await rates.check("a")
    assert raised.value.retry_after > 1


async def test_at_the_same_time() -> None:
    """Concurrent requests are all counted."""
    rates = RateLimiter("5/hour", MEMORY)
    found = await asyncio.gather(*(rates.check("a") for _ in range(50)), return_exceptions=True)
    assert found.count(None) == 5


async def test_off() -> None:
    """`off` counts nothing."""
    rates = RateLimiter(OFF, MEMORY)
    for _ in range(1000):
        await rates.check("a")


async def test_answer(start_api: StartApi, postfix: FakePostfix) -> None:
    """Returns 429 rate_limited with Retry-After, and sends nothing."""
    api = await start_api(rate_limit="1/hour")
    assert (await api.send()).status_code == 200
    response = await api.send()
    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert api.metric("mail_api_messages_total", result="rate_limited") == 1
    assert len(postfix.mails) == 1


async def test_forged_header(start_api: StartApi) -> None:
    """An untrusted client is one client with any X-Forwarded-For, and one warning is logged."""
    api = await start_api(rate_limit="2/hour")
    statuses = [(await api.send({"X-Forwarded-For": f"192.0.2.{number}"})).status_code for number in range(3)]
    assert statuses == [200, 200, 429]
    warnings = [line for line in api.output.getvalue().splitlines() if "TRUSTED_PROXIES" in line]
    assert len(warnings) == 1


async def test_behind_a_proxy(start_api: StartApi) -> None:
    """Behind a trusted proxy each visitor has its own limit."""
    api = await start_api(rate_limit="1/hour", trusted_proxies="127.0.0.0/8")
    statuses = [
        (await api.send({"X-Forwarded-For": claim})).status_code
        for claim in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3, 192.0.2.2")
    ]
    assert statuses == [200, 200, 429, 429]


async def test_storage_is_down(start_api: StartApi) -> None:
    """Without its shared storage the API sends mail and counts in memory, which is logged once."""
    with socket.socket() as closed:  # bound, and not listening
        closed.bind(("127.0.0.1", 0))
        storage = f"redis://127.0.0.1:{closed.getsockname()[1]}"
        api = await start_api(rate_limit="2/hour", rate_limit_storage=storage)
        assert [(await api.send()).status_code for _ in range(3)] == [200, 200, 429]
    assert len(api.log("RATE_LIMIT_STORAGE failed; counting in memory")) == 1


async def test_pause_after_a_failure() -> None:
    """After a failure the shared storage is not used for some time, then it is tried again."""
    connections = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    seconds = 0.0
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        rates = RateLimiter("100/hour", f"redis://127.0.0.1:{port}", lambda: seconds)
        await rates.check("a")
        first = connections
        assert first
        for _ in range(10):
            await rates.check("a")
        assert connections == first
        seconds = 11.0
        await rates.check("a")
        assert connections > first
