"""Slow callers: none of them holds a connection, or memory, for long."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tests.unit.api.conftest import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import StartApi
    from tests.unit.api.fake_postfix import FakePostfix

HEAD = b"POST /send HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: api\r\n\r\n"


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a bare connection to the API."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a byte at a time, until nobody takes it any more."""
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


async def silent(port: int) -> None:
    """Say nothing, and be cut off."""
    async with connected(port) as (reader, _):
        assert await reader.read() == b""


async def slow_headers(port: int) -> None:
    """Never come to the end of the headers, and be cut off."""
    async with connected(port) as (reader, writer):
        dripping = asyncio.create_task(drip(writer, HEAD * 9))
        with suppress(ConnectionResetError):  # when a drop was on its way at the end
            assert await reader.read() == b""
        dripping.cancel()


async def endless_headers(port: int) -> None:
    """Send headers at full speed, and be cut off before they fill the memory."""
    async with connected(port) as (reader, writer):
        with suppress(ConnectionResetError, BrokenPipeError):
            writer.write(HEAD + (b"X-More: " + b"m" * 8_000 + b"\r\n") * 9)
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def slow_body(port: int) -> None:
    """Never come to the end of the body, be told so, and be cut off: the connection is not kept for the rest of it."""
    async with connected(port) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, b" " * 999))
        answer = b""
        with suppress(ConnectionResetError):  # as above, behind the answer
            while part := await reader.read(10_000):
                answer += part
        dripping.cancel()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"request_timeout"' in answer


async def idle(port: int) -> None:
    """Pause between two requests for longer than a request may take, and be served."""
    async with connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(HEALTH)
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.7)


async def test_slow_callers(start_api: StartApi, postfix: FakePostfix) -> None:
    """Silence, dripping or endless headers, dripping bodies are ended in time; who is idle between requests is not."""
    api = await start_api(request_timeout_seconds=0.5)
    callers = (silent, slow_headers, endless_headers, slow_body, idle)
    async with listening(api, request_seconds=0.5) as port, asyncio.timeout(30):
        await asyncio.gather(*(caller(port) for caller in callers))
    assert postfix.mails == []
