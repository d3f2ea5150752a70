"""SMTP session that records every reply by stage, and replaces aiosmtpd's texts by Gmail's."""

import asyncio
import functools
import secrets
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiosmtpd.smtp import SMTP

from mail_sandbox.attempts import DROPPED, Attempt
from mail_sandbox.faults import SessionStage
from mail_sandbox.replies import as_gmail
from mail_sandbox.state import Sandbox

LONGEST_COMMAND = 1000  # bytes; RFC 5321 requires 512, and more with each extension

_STAGES = {
    "HELO": SessionStage.EHLO,
    **{
        stage.upper(): stage
        for stage in SessionStage
        if stage not in {SessionStage.BANNER, SessionStage.CONNECT, SessionStage.END}
    },
}


def session_id() -> str:
    """Return a new id in Gmail's format, such as `5b1f17b1804b1-3f0a9c1d2e4sm12345678.12`."""
    return f"{secrets.token_hex(6)}-{secrets.token_hex(5)}sm{secrets.randbelow(10**8):08d}.{secrets.randbelow(60)}"


class RecordedSession(SMTP):
    """aiosmtpd's protocol with a session id, a record of the replies at each stage, and `hang_up`.

    `opened` and `closed` are called when the session begins and ends; `options` are aiosmtpd's.
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
        self._stage = SessionStage.BANNER
        self._lines: list[str] = []
        self._verbatim: str | None = None
        super().__init__(conversation, ident=f"ESMTP {self.id} - gsmtp", loop=asyncio.get_running_loop(), **options)
        # aiosmtpd has one dictionary of these for all sessions, and each new session empties it.
        self.command_size_limits = defaultdict(lambda: LONGEST_COMMAND)
        self._smtp_methods = {
            verb: functools.partial(self._at_stage, _STAGES.get(verb, SessionStage.OTHER), method)
            for verb, method in self._smtp_methods.items()
        }

    @property
    def in_tls(self) -> bool:
        """Return whether the connection is encrypted."""
        return self.tls_object is not None

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """Return the TLS connection, or None without TLS."""
        return self.transport.get_extra_info("ssl_object") if self.transport else None

    @property
    def peer_address(self) -> str:
        """Return the client's IP address."""
        return str(self.session.peer[0]) if self.session and self.session.peer else "unknown"

    @property
    def idle(self) -> bool:
        """Return whether no mail has begun."""
        return self.envelope is None or self.envelope.mail_from is None

    def enter(self, stage: SessionStage) -> None:
        """Record the next replies under that stage."""
        self._stage = stage

    def keep(self, reply: str) -> str:
        """Return a reply that is sent as it is, not in Gmail's wording."""
        self._verbatim = reply
        return reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the session; aiosmtpd calls this again after STARTTLS."""
        super().connection_made(transport)
        self._opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Unregister the session."""
        # After a failed handshake both aiosmtpd and the transport call this.
        if self.transport is not None:
            super().connection_lost(error)
        self._gone(self)

    def hang_up(self) -> None:
        """Close the connection without a reply."""
        if isinstance(self.transport, asyncio.Transport):
            self.note(DROPPED)
            self.transport.abort()

    async def push(self, status: str | bytes) -> None:
        """Send the reply in Gmail's wording and record it; 421 closes the connection (RFC 5321, 3.8)."""
        reply = status.decode() if isinstance(status, bytes) else status
        if reply != self._verbatim:
            reply = as_gmail(reply, self.id)
        self._lines.extend(reply.split("\r\n"))
        if self._lines[-1][3:4] != "-":
            self.note("\n".join(self._lines))
            self._lines.clear()
            if self._stage is SessionStage.BANNER:
                self._stage = SessionStage.OTHER
        await super().push(reply)
        if reply.startswith("421") and self.transport is not None:
            self.transport.close()

    async def _at_stage(self, stage: SessionStage, command: Callable[[str | None], Awaitable[None]], arg: str) -> None:
        self._stage = stage
        try:
            await command(arg)
        finally:
            self._stage = SessionStage.OTHER

    def note(self, reply: str) -> None:
        """Record a reply for the present stage."""
        self._sandbox.attempts.add(Attempt(self._sandbox.clock(), self.id, self.peer_address, self._stage, reply))
