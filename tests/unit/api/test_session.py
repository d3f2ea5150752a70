"""One session with Postfix: replies belong to their commands, however they come over the wire."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mail_api.session import Reply, Session, SessionLost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.fake_postfix import FakePostfix

GREETING = b"220 wire ESMTP\r\n"


class Wire:
    """The server's end of a connection, played by hand."""

    def __init__(self) -> None:
        self.reader: asyncio.StreamReader = asyncio.StreamReader()
        self.writer: asyncio.StreamWriter | None = None
        self.port = 0

    async def play(self, *answers: bytes, to: bytes) -> None:
        """Read up to the end of a command, and send pieces one by one, each in a packet of its own."""
        assert (await self.reader.readuntil(to)).endswith(to)
        assert self.writer is not None
        for answer in answers:
            self.writer.write(answer)
            await self.writer.drain()
            await asyncio.sleep(0.01)  # not waited for anything: it makes packets


@asynccontextmanager
async def wire(extensions: bytes = b"PIPELINING") -> AsyncIterator[tuple[Wire, Session]]:
    """Open a session with a server that is played by the test."""
    played = Wire()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        played.reader, played.writer = reader, writer
        writer.write(GREETING)
        await played.play(b"250-wire\r\n250 " + extensions + b"\r\n", to=b"EHLO me\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    session = await Session.open("127.0.0.1", server.sockets[0].getsockname()[1], "me")
    try:
        yield played, session
    finally:
        session.close()
        if played.writer:
            played.writer.close()
        server.close()


async def test_together() -> None:
    """With PIPELINING the commands go out in one piece, and each gets its own reply."""
    async with wire() as (server, session):
        asking = asyncio.create_task(session.ask("MAIL", "RCPT", "DATA"))
        await server.play(b"250 a\r\n550 b\r\n554 c\r\n", to=b"MAIL\r\nRCPT\r\nDATA\r\n")
        assert await asking == [Reply(250, "a"), Reply(550, "b"), Reply(554, "c")]


async def test_in_pieces() -> None:
    """Replies may come in any pieces, and may have many lines."""
    async with wire() as (server, session):
        asking = asyncio.create_task(session.ask("MAIL", "RCPT"))
        await server.play(b"250-fir", b"st\r\n25", b"0 second\r\n250", b"\r", b"\n", to=b"RCPT\r\n")
        assert await asking == [Reply(250, "first\nsecond"), Reply(250, "")]


async def test_one_by_one() -> None:
    """Without PIPELINING each command waits for the reply to the one before."""
    async with wire(b"SIZE 1000") as (server, session):
        asking = asyncio.create_task(session.ask("MAIL", "RCPT"))
        await server.play(b"250 a\r\n", to=b"MAIL\r\n")
        await server.play(b"250 b\r\n", to=b"RCPT\r\n")
        assert (await asking, session.extensions) == ([Reply(250, "a"), Reply(250, "b")], frozenset({"size"}))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"250 a\r\n250 b\r\n250 c\r\n", id="one too many"),
        pytest.param(b"250 a\r\nhello\r\n", id="nonsense"),
        pytest.param(b"250 a\r\n250-" + b"b" * 40_000, id="without end"),
        pytest.param(b"250 a\r\n" + b"250-b\r\n" * 40_000, id="lines without end"),
    ],
)
async def test_what_is_no_answer(said: bytes) -> None:
    """A server that says anything else loses the session."""
    async with wire() as (server, session):
        asking = asyncio.create_task(session.ask("MAIL", "RCPT"))
        await server.play(said, to=b"RCPT\r\n")
        await asyncio.wait([asking])
        assert not session.is_open
        with pytest.raises(SessionLost):
            await session.ask("NOOP")


async def test_unasked() -> None:
    """What Postfix says to a session that idles is no answer to the next command."""
    async with wire() as (server, session):
        assert server.writer is not None
        server.writer.write(b"421 4.4.2 mail.example.org Error: timeout exceeded\r\n")
        async with asyncio.timeout(5):
            assert await server.reader.read() == b""
        assert not session.is_open
        with pytest.raises(SessionLost, match="it has ended the session"):
            await session.ask("MAIL")


async def test_lost_half_way() -> None:
    """When the connection breaks before the last reply, none of them counts."""
    async with wire() as (server, session):
        asking = asyncio.create_task(session.ask("MAIL", "RCPT"))
        await server.play(b"250 a\r\n", to=b"RCPT\r\n")
        assert server.writer is not None
        server.writer.close()
        with pytest.raises(SessionLost, match="it ended the session"):
            await asking


async def test_no_second_command(postfix: FakePostfix) -> None:
    """A line end inside a command is refused before anything is sent."""
    session = await Session.open("127.0.0.1", postfix.port, "me")
    with pytest.raises(ValueError, match="control character"):
        await session.ask("MAIL FROM:<a@x.test>\r\nRSET")
    session.quit()
    await postfix.wait_for("QUIT")
    assert postfix.commands == ["EHLO me", "QUIT"]
