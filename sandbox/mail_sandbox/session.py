"""One SMTP session that looks like smtp.gmail.com: aiosmtpd reads the commands, this decides the answers."""

import asyncio
import contextlib
import functools
import secrets
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from loguru import logger

from mail_sandbox.attempts import DROPPED, Attempt
from mail_sandbox.decisions import Decision, Moment
from mail_sandbox.faults import FaultName, Stage
from mail_sandbox.replies import Answer, in_gmails_words, text
from mail_sandbox.state import Sandbox

LARGEST_MESSAGE = 35_882_577  # bytes; what Gmail says in EHLO
IDLE_SECONDS = 900.0  # above the longest `slow` fault
LONGEST_COMMAND = 1000  # bytes; RFC 5321 asks for 512 and more with each extension

_STAGES = {
    "HELO": Stage.EHLO,
    **{stage.upper(): stage for stage in Stage if stage not in {Stage.BANNER, Stage.CONNECT, Stage.END}},
}


def session_id() -> str:
    """A new id in the manner of Gmail's, such as `5b1f17b1804b1-3f0a9c1d2e4sm12345678.12`."""
    return f"{secrets.token_hex(6)}-{secrets.token_hex(5)}sm{secrets.randbelow(10**8):08d}.{secrets.randbelow(60)}"


class GmailSession(SMTP):  # type: ignore[misc,unused-ignore]
    """The session's protocol: TLS before anything else, then a login, then mails."""

    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    def __init__(
        self,
        conversation: object,
        sandbox: Sandbox,
        *,
        tls: ssl.SSLContext,
        opened: Callable[["GmailSession"], None],
        closed: Callable[["GmailSession"], None],
    ) -> None:
        self.id = session_id()
        self._sandbox = sandbox
        self._opened = opened
        self._closed_callback = closed
        self._stage = Stage.BANNER
        self._lines: list[str] = []
        self._login_refusal: str | None = None
        super().__init__(
            conversation,
            hostname="smtp.gmail.com",
            ident=f"ESMTP {self.id} - gsmtp",
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            tls_context=tls,
            # TLS before AUTH is enforced below: aiosmtpd does not see the TLS of port 465.
            auth_require_tls=False,
            authenticator=self._log_in,
            timeout=IDLE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The session runs; after STARTTLS it runs anew."""
        super().connection_made(transport)
        self._opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        """The session is over."""
        # A failed handshake gets here twice: from aiosmtpd, and from the transport.
        if self.transport is not None:
            super().connection_lost(error)
        self._closed_callback(self)

    def hang_up(self) -> None:
        """The connection is closed without a word."""
        if isinstance(self.transport, asyncio.Transport):
            self._note(DROPPED)
            self.transport.abort()

    async def push(self, status: str | bytes) -> None:
        """The reply is sent in Gmail's words and noted; 421 closes the connection (RFC 5321, 3.8)."""
        reply = status.decode() if isinstance(status, bytes) else status
        reply = in_gmails_words(reply, self.id)
        self._lines.extend(reply.split("\r\n"))
        if self._lines[-1][3:4] != "-":
            self._note("\n".join(self._lines))
            self._lines.clear()
            if self._stage is Stage.BANNER:
                self._stage = Stage.OTHER
        await super().push(reply)
        if reply.startswith("421") and self.transport is not None:
            self.transport.close()

    async def refusal(self, stage: Stage, *, sender: str = "", recipient: str = "") -> str | None:
        """What the faults answer at a stage, after the wait they ask for; None when they let it pass."""
        decision = await self._faults(stage, sender=sender, recipient=recipient)
        return text(decision.answer, self.id) if decision.answer else None

    async def _faults(self, stage: Stage, *, sender: str = "", recipient: str = "") -> Decision:
        decision = self._sandbox.faults.take(Moment(stage, sender, recipient, in_tls=self.in_tls))
        if decision.spent:
            logger.bind(session=self.id, faults=[str(name) for name in decision.spent]).info("fault struck")
        await asyncio.sleep(decision.wait_seconds)
        return decision

    async def _at_stage(self, stage: Stage, command: Callable[[str | None], Awaitable[None]], arg: str) -> None:
        self._stage = stage
        try:
            await command(arg)
        finally:
            self._stage = Stage.OTHER

    def _note(self, reply: str) -> None:
        self._sandbox.attempts.add(Attempt(self._sandbox.clock(), self.id, self.peer_address, self._stage, reply))

    async def _handle_client(self) -> None:
        # The client went away: nothing is left to answer.
        with contextlib.suppress(ConnectionError):
            refusal = await self.refusal(Stage.BANNER)
            if refusal:
                await self.push(refusal)
                return
            await super()._handle_client()

    async def check_auth_needed(self, caller_method: str) -> bool:  # noqa: ARG002 - aiosmtpd's signature
        """Whether the command has to wait for a login; if so the client was told."""
        if self.session and self.session.authenticated:
            return False
        first = Answer.AUTHENTICATION_REQUIRED if self.in_tls else Answer.STARTTLS_FIRST
        await self.push(text(first, self.id))
        return True

    async def greeting(self) -> list[str]:
        """The lines of the answer to EHLO, without code."""
        decision = await self._faults(Stage.EHLO)
        if decision.fault and decision.fault.name is FaultName.NO_STARTTLS:
            self.tls_context = None
        return [
            f"{self.hostname} at your service, [{self.peer_address}]",
            f"SIZE {LARGEST_MESSAGE}",
            "8BITMIME",
            *(["AUTH LOGIN PLAIN"] if self.in_tls else ["STARTTLS"] if self.tls_context else []),
            "ENHANCEDSTATUSCODES",
            "PIPELINING",
            "SMTPUTF8",
        ]

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds commands by name
        """TLS is on, once."""
        if self.in_tls:
            await self.push(text(Answer.BAD_SEQUENCE, self.id))
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """The client is logged in, or knows why not."""
        if not self.in_tls:
            await self.push(text(Answer.STARTTLS_FIRST, self.id))
            return
        self._login_refusal = await self.refusal(Stage.AUTH)
        mechanism, _, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(f"{mechanism.upper()} {rest}".strip())

    def _log_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        if self._login_refusal:
            return AuthResult(success=False, handled=False, message=self._login_refusal)
        if not self._sandbox.account.admits(given.login, given.password):
            return AuthResult(success=False, handled=False, message=text(Answer.WRONG_PASSWORD, self.id))
        return AuthResult(success=True, auth_data=given, message=text(Answer.LOGGED_IN, self.id))

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """The mail is read and answered, unless a fault comes between."""
        if self.envelope is None or not self.envelope.rcpt_tos:
            await super().smtp_DATA(arg)
            return
        decision = await self._faults(Stage.DATA)
        if decision.answer:
            await self.push(text(decision.answer, self.id))
        elif decision.fault and decision.fault.name is FaultName.DROP_AT_DATA:
            await self.push(text(Answer.GO_AHEAD, self.id))
            await self._reader.readline()
            self.hang_up()
        else:
            await super().smtp_DATA(arg)

    def enter(self, stage: Stage) -> None:
        """Answers from now on belong to that stage."""
        self._stage = stage
