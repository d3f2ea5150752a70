"""Slow clients: none keeps a connection or memory for long."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.unit.api.conftest import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import StartApi
    from tests.unit.api.fake_postfix import FakePostfix

pytestmark = pytest.mark.slow

HEAD = b"POST /send HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: api\r\n\r\n"


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a TCP connection to the API."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a byte at a time until the connection is closed."""
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


async def silent(port: int) -> None:
    """Send nothing, and check that the connection is closed."""
    async with connected(port) as (reader, _):
        assert await reader.read() == b""


async def slow_headers(port: int) -> None:
    """Send headers without an end, and check that the connection is closed."""
    async with connected(port) as (reader, writer):
        dripping = asyncio.create_task(drip(writer, HEAD * 9))
        with suppress(ConnectionResetError):  # if a byte was still on its way
            assert await reader.read() == b""
        dripping.cancel()


async def endless_headers(port: int) -> None:
    """Send headers at full speed, and check that the connection is closed before they fill the memory."""
    async with connected(port) as (reader, writer):
        with suppress(ConnectionResetError, BrokenPipeError):
            writer.write(HEAD + (b"X-More: " + b"m" * 8_000 + b"\r\n") * 9)
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def slow_body(port: int) -> None:
    """Send a body without an end, and check that it is answered 408 and the connection is closed."""
    async with connected(port) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, b" " * 999))
        answer = b""
        with suppress(ConnectionResetError):  # as above, after the answer
            while part := await reader.read(10_000):
                answer += part
        dripping.cancel()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"request_timeout"' in answer


async def idle(port: int) -> None:
    """Pause between two requests for longer than the time limit of a request, and check that both are answered."""
    async with connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(HEALTH)
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.7)


async def test_slow_callers(start_api: StartApi, postfix: FakePostfix) -> None:
    """Connections without data, with slow or endless headers or slow bodies are closed in time; idle ones stay open."""
    api = await start_api(request_timeout_seconds=0.5)
    callers = (silent, slow_headers, endless_headers, slow_body, idle)
    async with listening(api, request_seconds=0.5) as port, asyncio.timeout(30):
        await asyncio.gather(*(caller(port) for caller in callers))
    assert postfix.mails == []
