"""A fake mail server with real SMTP that records mails and commands, and fails on request."""

import asyncio
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes

DROP = "drop"
HANG = "hang"
HOLD = "hold"


@dataclass
class Received:
    """One mail as the server accepted it."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def trace(self) -> str | None:
        """Return the trace context in its header."""
        found: str | None = message_from_bytes(self.content)["Traceparent"]
        return found


@dataclass
class FakePostfix:
    """An SMTP server; `script[stage]` has its next replies, or DROP, HANG, or HOLD (until `held` is set)."""

    mails: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    script: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    sessions: int = 0
    port: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def fail(self, stage: str, *replies: str) -> None:
        """Give these replies, once each, at CONNECT, EHLO, MAIL, RCPT, DATA or CONTENT."""
        self.script[stage].extend(replies)

    async def start(self, port: int = 0) -> None:
        """Listen on this port, or on a free one."""
        self.server = await asyncio.start_server(self._session, "127.0.0.1", port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every session, as when the container stops."""
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self.server.wait_closed()

    async def wait_for(self, command: str) -> None:
        """Return when the command has arrived; `CONNECT` stands for a connection."""
        while not (self.sessions if command == "CONNECT" else any(line.startswith(command) for line in self.commands)):
            self.seen.clear()
            await self.seen.wait()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        self.seen.set()
        self.writers.add(writer)
        try:
            # Many tests disconnect in the middle of a dialogue, or end during one.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._dialogue(reader, writer)
        finally:
            self.writers.discard(writer)
            writer.close()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mail = Received("", [], b"")
        await self._reply(writer, "CONNECT", "220 fake ESMTP Postfix")
        while line := (await reader.readuntil(b"\r\n")).decode().rstrip("\r\n"):
            self.commands.append(line)
            self.seen.set()
            verb = line.partition(" ")[0]
            if verb == "EHLO":
                offered = ("250-fake", "250-PIPELINING", "250 SIZE 10240000")
                await self._reply(writer, verb, "\r\n".join(offered))
            elif verb == "MAIL":
                mail = Received(line[len("MAIL FROM:<") :].partition(">")[0], [], b"")
                await self._reply(writer, verb, "250 2.1.0 Ok")
            elif verb == "RCPT":
                if (await self._reply(writer, verb, "250 2.1.5 Ok")).startswith("250"):
                    mail.recipients.append(line[len("RCPT TO:<") : -1])
            elif verb == "DATA":
                go_on = (
                    "354 End data with <CR><LF>.<CR><LF>" if mail.recipients else "554 5.5.1 Error: no valid recipients"
                )
                if (await self._reply(writer, verb, go_on)).startswith("354"):
                    mail.content = await _content(reader)
                    self.commands.append("CONTENT")
                    self.seen.set()
                    queued = f"250 2.0.0 Ok: queued as 4jXSsP52xGz{len(self.mails)}"
                    if (await self._reply(writer, "CONTENT", queued)).startswith("250"):
                        self.mails.append(mail)
            else:
                await self._reply(writer, verb, "221 2.0.0 Bye")
                return

    async def _reply(self, writer: asyncio.StreamWriter, stage: str, usual: str) -> str:
        reply = self.script[stage].popleft() if self.script[stage] else usual
        if reply == HANG:
            await asyncio.Event().wait()
        if reply == HOLD:
            await self.held.wait()
            reply = usual
        if reply == DROP:
            raise ConnectionResetError
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
        if reply.startswith("421"):
            raise ConnectionResetError
        return reply


async def _content(reader: asyncio.StreamReader) -> bytes:
    lines = []
    while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)
