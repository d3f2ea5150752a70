"""An SMTP session of which every answer is kept, in Gmail's words."""

import asyncio
import functools
import secrets
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.smtp import SMTP

from mail_sandbox.attempts import DROPPED, Attempt
from mail_sandbox.faults import Stage
from mail_sandbox.state import Sandbox
from mail_sandbox.wording import in_gmails_words

LONGEST_COMMAND = 1000  # bytes; RFC 5321 asks for 512 and more with each extension

_STAGES = {
    "HELO": Stage.EHLO,
    **{stage.upper(): stage for stage in Stage if stage not in {Stage.BANNER, Stage.CONNECT, Stage.END}},
}


def session_id() -> str:
    """A new id in the manner of Gmail's, such as `5b1f17b1804b1-3f0a9c1d2e4sm12345678.12`."""
    return f"{secrets.token_hex(6)}-{secrets.token_hex(5)}sm{secrets.randbelow(10**8):08d}.{secrets.randbelow(60)}"


class RecordedSession(SMTP):
    """aiosmtpd's protocol, with an id, a record of what was answered at which stage, and a way to end it.

    `opened` and `closed` are told when the session begins and ends; `options` are aiosmtpd's.
    """

    def __init__(
        self,
        conversation: object,
        sandbox: Sandbox,
        *,
        opened: Callable[["RecordedSession"], None],
        closed: Callable[["RecordedSession"], None],
        **options: Any,  # noqa: ANN401 - passed on
    ) -> None:
        self.id = session_id()
        self._sandbox = sandbox
        self._opened = opened
        self._gone = closed
        self._stage = Stage.BANNER
        self._lines: list[str] = []
        super().__init__(conversation, ident=f"ESMTP {self.id} - gsmtp", loop=asyncio.get_running_loop(), **options)
        # aiosmtpd keeps these in one dictionary for all sessions, which each new session empties.
        self.command_size_limits = defaultdict(lambda: LONGEST_COMMAND)
        self._smtp_methods = {
            verb: functools.partial(self._at_stage, _STAGES.get(verb, Stage.OTHER), method)
            for verb, method in self._smtp_methods.items()
        }

    @property
    def in_tls(self) -> bool:
        """Whether what is said now is encrypted."""
        return self.tls_object is not None

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """What is known of the TLS connection, if there is one."""
        return self.transport.get_extra_info("ssl_object") if self.transport else None

    @property
    def peer_address(self) -> str:
        """The client's IP address."""
        return str(self.session.peer[0]) if self.session and self.session.peer else "unknown"

    @property
    def idle(self) -> bool:
        """Whether the session stands between two mails."""
        return self.envelope is None or self.envelope.mail_from is None

    def enter(self, stage: Stage) -> None:
        """Answers from now on belong to that stage."""
        self._stage = stage

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The session runs; after STARTTLS it runs anew."""
        super().connection_made(transport)
        self._opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        """The session is over."""
        # A failed handshake gets here twice: from aiosmtpd, and from the transport.
        if self.transport is not None:
            super().connection_lost(error)
        self._gone(self)

    def hang_up(self) -> None:
        """The connection is closed without a word."""
        if isinstance(self.transport, asyncio.Transport):
            self.note(DROPPED)
            self.transport.abort()

    async def push(self, status: str | bytes) -> None:
        """The reply is sent in Gmail's words and noted; 421 closes the connection (RFC 5321, 3.8)."""
        reply = status.decode() if isinstance(status, bytes) else status
        reply = in_gmails_words(reply, self.id)
        self._lines.extend(reply.split("\r\n"))
        if self._lines[-1][3:4] != "-":
            self.note("\n".join(self._lines))
            self._lines.clear()
            if self._stage is Stage.BANNER:
                self._stage = Stage.OTHER
        await super().push(reply)
        if reply.startswith("421") and self.transport is not None:
            self.transport.close()

    async def _at_stage(self, stage: Stage, command: Callable[[str | None], Awaitable[None]], arg: str) -> None:
        self._stage = stage
        try:
            await command(arg)
        finally:
            self._stage = Stage.OTHER

    def note(self, reply: str) -> None:
        """The answer is on record, for the stage the session is at."""
        self._sandbox.attempts.add(Attempt(self._sandbox.clock(), self.id, self.peer_address, self._stage, reply))
