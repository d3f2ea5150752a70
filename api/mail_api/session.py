"""One SMTP session with Postfix (RFC 5321): commands go out together where the server allows it (RFC 2920).

C: (connects)                                              S: 220 mail.example.org ESMTP
C: EHLO mail-api                                           S: 250-mail.example.org
                                                           S: 250-PIPELINING
                                                           S: 250 SIZE 10240000
C: MAIL FROM:<noreply@example.org> SIZE=812
C: RCPT TO:<hello@example.org>                             S: 250 2.1.0 Ok
C: DATA                                                    S: 250 2.1.5 Ok
                                                           S: 354 End data with <CR><LF>.<CR><LF>
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

_PIPELINING: Final = "pipelining"
_LONGEST_REPLY: Final = 32_768
_LINE: Final = re.compile(rb"(?P<code>[2-5]\d\d)(?:(?P<more>-)| |$)(?P<text>.*)", re.DOTALL)
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")

_READY: Final = 220
_COMPLETED: Final = 250


class Reply(NamedTuple):
    """What the server said to one command; a text of several lines has them joined by newlines."""

    code: int
    text: str


class SessionLost(ConnectionError):
    """There is no session (any more), or the server says what is no SMTP."""


class Session(asyncio.Protocol):
    """A connection that is greeted; after a failed or cancelled exchange it is only good for `close`."""

    def __init__(self) -> None:
        self.extensions: frozenset[str] = frozenset()
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._lines: list[str] = []
        self._replies: list[Reply] = []
        # The greeting is the answer to connecting.
        self._missing = 1
        self._answered: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, host: str, port: int, name: str) -> Self:
        """Connect and say EHLO as `name`; return the session.

        Raises:
            OSError: nobody is there, or not ready to take mail.
        """
        _, session = await asyncio.get_running_loop().create_connection(cls, host, port)
        try:
            await session.greet(name)
        except BaseException:
            session.close()
            raise
        return session

    async def greet(self, name: str) -> None:
        """Hear the greeting and answer it.

        Raises:
            SessionLost: the server is not ready to take mail.
        """
        (greeting,) = await self._answered
        if greeting.code != _READY:
            raise SessionLost(f"it greets with {greeting.code}")
        (reply,) = await self.ask(f"EHLO {name}")
        if reply.code != _COMPLETED:
            raise SessionLost(f"it answers EHLO with {reply.code}")
        self.extensions = frozenset(line.partition(" ")[0].lower() for line in reply.text.split("\n")[1:])

    @property
    def is_open(self) -> bool:
        """Whether there is a session, as far as this side knows."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, *commands: str) -> Sequence[Reply]:
        """Return the reply to each command; with PIPELINING all of them go out at once.

        Raises:
            ValueError: a command holds a control character, which could start another one.
            SessionLost: not all were answered.
        """
        lines = [command.encode() for command in commands]
        if any(map(_CONTROL.search, lines)):
            raise ValueError("an SMTP command holds a control character")
        if _PIPELINING in self.extensions:
            return await self._exchange(b"\r\n".join(lines) + b"\r\n", len(lines))
        return [await self.send(line + b"\r\n") for line in lines]

    async def send(self, data: bytes) -> Reply:
        """Return the one reply to the data, which is a command or a whole message.

        Raises:
            SessionLost: there was no answer; with `is_open` false before, nothing was sent.
        """
        (reply,) = await self._exchange(data, 1)
        return reply

    def quit(self) -> None:
        """End the session politely, without waiting for the 221."""
        if self._transport is not None and self.is_open:
            self._transport.write(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        """End the session at once."""
        if self._transport is not None:
            self._transport.close()

    async def _exchange(self, data: bytes, replies: int) -> list[Reply]:
        if self._transport is None or self._transport.is_closing():
            raise SessionLost("it has ended the session")
        self._missing = replies
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment] # a socket's has both directions

    def data_received(self, data: bytes) -> None:
        """Take replies; what nobody asked for (Postfix says good-bye to who idles) ends the session."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            if not self._missing or not self._take(line.rstrip(b"\r")):
                self._fail(SessionLost("it says what is no reply"))
                return
        if len(self._unread) + sum(map(len, self._lines)) > _LONGEST_REPLY:
            self._fail(SessionLost("its reply has no end"))

    def _take(self, line: bytes) -> bool:
        found = _LINE.fullmatch(line)
        if found is None:
            return False
        self._lines.append(found["text"].decode("utf-8", "surrogateescape").strip())
        if not found["more"]:
            self._replies.append(Reply(int(found["code"]), "\n".join(self._lines)))
            self._lines = []
            self._missing -= 1
            if not self._missing:
                replies, self._replies = self._replies, []
                if not self._answered.done():
                    self._answered.set_result(replies)
        return True

    def connection_lost(self, _exc: Exception | None) -> None:
        """Tell who waits for a reply."""
        self._transport = None
        self._fail(SessionLost("it ended the session"))

    def _fail(self, problem: SessionLost) -> None:
        self.close()
        if not self._answered.done():
            self._answered.set_exception(problem)
            self._answered.exception()  # marks it as seen: perhaps nobody waits any more
