"""The HTTP server in this process: time-outs and limits of request headers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from starlette.responses import PlainTextResponse

from mail_api.server import http_server

HEADER_SECONDS = 0.2
DEADLINE_SECONDS = 5.0
REQUEST = b"GET / HTTP/1.1\r\nHost: mail\r\n\r\n"
Dialogue = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def serve(dialogue: Dialogue) -> None:
    """Run the server on a free port, and one client's dialogue with it."""

    async def both() -> None:
        server = http_server(PlainTextResponse("hello"), 0, HEADER_SECONDS, lifespan="off")
        running = asyncio.create_task(server.serve())
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0)
            port = server.servers[0].sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await dialogue(reader, writer)
            finally:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
                server.should_exit = True
                await running

    asyncio.run(both())


@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST[:-2]], ids=["no byte", "half a line", "no end"])
def test_slow_headers(sent: bytes) -> None:
    """A connection whose headers are not complete in time is closed without an answer."""

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        assert await reader.read() == b""

    serve(dialogue)


def test_next_request_on_a_connection() -> None:
    """A connection can have several requests, and each has the same time for its headers."""

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            writer.write(REQUEST)
            answer = await reader.readuntil(b"hello")
            assert answer.startswith(b"HTTP/1.1 200 OK")
        writer.write(REQUEST[:10])
        assert await reader.read() == b""

    serve(dialogue)


def test_headers_without_an_end() -> None:
    """Headers of more than 64 KB are answered 400."""

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(REQUEST[:-2])
        for _ in range(9):
            writer.write(b"X-Long: " + b"a" * 8_000 + b"\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")

    serve(dialogue)
