"""SMTP session of the relay: EHLO, STARTTLS, AUTH and the faults at each stage, on top of aiosmtpd."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException
from loguru import logger

from mail_sandbox.attempts import HANDSHAKE_FAILED
from mail_sandbox.fault_board import Decision, Moment
from mail_sandbox.faults import FaultName, SessionStage
from mail_sandbox.recorded_session import RecordedSession
from mail_sandbox.replies import Situation, text
from mail_sandbox.state import Sandbox

LARGEST_MESSAGE = 35_882_577  # bytes; SIZE in Gmail's reply to EHLO
IDLE_SECONDS = 900.0  # above the longest `slow` fault


class GmailSession(RecordedSession):
    """A session that requires TLS first, then a login, then accepts mails."""

    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    def __init__(
        self,
        conversation: object,
        sandbox: Sandbox,
        *,
        tls: ssl.SSLContext,
        opened: Callable[[RecordedSession], None],
        closed: Callable[[RecordedSession], None],
    ) -> None:
        self._login_refusal: str | None = None
        self._login_needed = True
        super().__init__(
            conversation,
            sandbox,
            opened=opened,
            closed=closed,
            hostname="smtp.gmail.com",
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            tls_context=tls,
            # TLS before AUTH is enforced below: aiosmtpd does not see the TLS of port 465.
            auth_require_tls=False,
            authenticator=self._log_in,
            timeout=IDLE_SECONDS,
        )

    async def refusal(self, stage: SessionStage, *, sender: str = "", recipient: str = "") -> str | None:
        """Wait as long as the faults at a stage require, and return their reply; None without one."""
        decision = await self._faults(stage, sender=sender, recipient=recipient)
        return self._reply_of(decision)

    def _reply_of(self, decision: Decision) -> str | None:
        if decision.fault and decision.fault.text:
            return self.keep(decision.fault.text)
        return text(decision.answer, self.id) if decision.answer else None

    async def _faults(self, stage: SessionStage, *, sender: str = "", recipient: str = "") -> Decision:
        decision = self._sandbox.faults.take(Moment(stage, sender, recipient, in_tls=self.in_tls))
        if decision.spent:
            logger.bind(session=self.id, faults=[str(name) for name in decision.spent]).info("fault applied")
        await asyncio.sleep(decision.wait_seconds)
        return decision

    async def _handle_client(self) -> None:
        # The client closed the connection.
        with contextlib.suppress(ConnectionError):
            refusal = await self.refusal(SessionStage.BANNER)
            if refusal:
                await self.push(refusal)
                return
            await super()._handle_client()

    async def check_auth_needed(self, caller_method: str) -> bool:  # noqa: ARG002 - aiosmtpd's signature
        """Return whether a login is missing; if so, the reply was sent."""
        if not self._login_needed or (self.session and self.session.authenticated):
            return False
        first = Situation.AUTHENTICATION_REQUIRED if self.in_tls else Situation.STARTTLS_FIRST
        await self.push(text(first, self.id))
        return True

    async def greeting(self) -> list[str]:
        """Return the lines of the reply to EHLO, without the code."""
        decision = await self._faults(SessionStage.EHLO)
        name = decision.fault.name if decision.fault else None
        if name is FaultName.NO_STARTTLS:
            self.tls_context = None
        self._login_needed = name is not FaultName.NO_LOGIN
        mechanisms = "LOGIN" if name is FaultName.LOGIN_ONLY else "LOGIN PLAIN"
        login = [f"AUTH {mechanisms}"] if self.in_tls and self._login_needed else []
        tls = ["STARTTLS"] if self.tls_context and not self.in_tls else []
        return [
            f"{self.hostname} at your service, [{self.peer_address}]",
            f"SIZE {LARGEST_MESSAGE}",
            "8BITMIME",
            *login,
            *tls,
            "ENHANCEDSTATUSCODES",
            "PIPELINING",
            "SMTPUTF8",
        ]

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd finds commands by name
        """Start TLS; a second STARTTLS is refused."""
        if self.in_tls:
            await self.push(text(Situation.BAD_SEQUENCE, self.id))
            return
        try:
            await super().smtp_STARTTLS(arg)
        except TLSSetupException:
            self.note(HANDSHAKE_FAILED)
            raise

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """Check the login, or reply with the fault's refusal."""
        if not self.in_tls:
            await self.push(text(Situation.STARTTLS_FIRST, self.id))
            return
        # Clients try several mechanisms: a fault with a count of 1 must refuse all of them.
        self._login_refusal = self._login_refusal or await self.refusal(SessionStage.AUTH)
        mechanism, _, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(f"{mechanism.upper()} {rest}".strip())

    def _log_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
    ) -> AuthResult:
        if self._login_refusal:
            return AuthResult(success=False, handled=False, message=self._login_refusal)
        if not self._sandbox.account.admits(given.login, given.password):
            return AuthResult(success=False, handled=False, message=text(Situation.WRONG_PASSWORD, self.id))
        return AuthResult(success=True, auth_data=given, message=text(Situation.LOGGED_IN, self.id))

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Read the mail and reply, unless a fault applies."""
        if self.envelope is None or not self.envelope.rcpt_tos:
            await super().smtp_DATA(arg)
            return
        decision = await self._faults(SessionStage.DATA)
        if reply := self._reply_of(decision):
            await self.push(reply)
        elif decision.fault and decision.fault.name is FaultName.DROP_AT_DATA:
            await self.push(text(Situation.GO_AHEAD, self.id))
            await self._reader.readline()
            self.hang_up()
        else:
            await super().smtp_DATA(arg)
