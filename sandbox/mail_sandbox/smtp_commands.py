"""Handler of the SMTP commands of a mail: replies to EHLO, MAIL, RCPT and DATA, and stores the mail."""

from typing import Any

from aiosmtpd.smtp import Envelope, Session, TLSSetupException
from loguru import logger

from mail_sandbox.faults import SessionStage
from mail_sandbox.gmail_headers import Arrival
from mail_sandbox.gmail_session import GmailSession
from mail_sandbox.inbox import receive
from mail_sandbox.replies import Situation, accepted, text
from mail_sandbox.state import Sandbox, masked

MOST_RECIPIENTS = 100  # per message (support.google.com/a/answer/166852)


class SmtpCommands:
    """Replies to the commands of a mail; aiosmtpd has checked their syntax and order before."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def handle_EHLO(  # noqa: N802
        self, server: GmailSession, session: Session, _envelope: Envelope, hostname: str, _stock: list[str]
    ) -> list[str]:
        """Return the extensions that are offered at this point of the session."""
        session.host_name = hostname
        *lines, last = await server.greeting()
        return [*(f"250-{line}" for line in lines), f"250 {last}"]

    async def handle_HELO(  # noqa: N802
        self, server: GmailSession, session: Session, _envelope: Envelope, hostname: str
    ) -> str:
        """Return a greeting without extensions."""
        session.host_name = hostname
        return f"250 {server.hostname} at your service"

    async def handle_NOOP(self, server: GmailSession, *_: Any) -> str:  # noqa: ANN401, N802
        """Return the reply; NOOP does nothing."""
        return text(Situation.NOTHING_DONE, server.id)

    async def handle_RSET(self, server: GmailSession, *_: Any) -> str:  # noqa: ANN401, N802
        """Return the reply; aiosmtpd has dropped the mail that had begun."""
        return text(Situation.FLUSHED, server.id)

    async def handle_QUIT(self, server: GmailSession, *_: Any) -> str:  # noqa: ANN401, N802
        """Return the reply; aiosmtpd closes the connection after it."""
        return text(Situation.CLOSING, server.id)

    async def handle_MAIL(  # noqa: N802
        self, server: GmailSession, _session: Session, envelope: Envelope, sender: str, options: list[str]
    ) -> str:
        """Begin a mail, unless a fault applies or the limit is checked at MAIL and reached."""
        refusal = await server.refusal(SessionStage.MAIL, sender=sender)
        if refusal:
            return refusal
        limit = self._sandbox.limit
        if limit.rule.at is SessionStage.MAIL and not limit.allows(1):
            return text(Situation.LIMIT_REACHED, server.id)
        envelope.mail_from = sender
        envelope.mail_options.extend(options)
        return text(Situation.SENDER_OK, server.id)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's signature
        self,
        server: GmailSession,
        _session: Session,
        envelope: Envelope,
        recipient: str,
        options: list[str],
    ) -> str:
        """Add a recipient, unless a fault applies or the mail has too many."""
        refusal = await server.refusal(SessionStage.RCPT, sender=envelope.mail_from or "", recipient=recipient)
        if refusal:
            return refusal
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return text(Situation.TOO_MANY_RECIPIENTS, server.id)
        envelope.rcpt_tos.append(recipient)
        envelope.rcpt_options.extend(options)
        return text(Situation.RECIPIENT_OK, server.id)

    async def handle_DATA(self, server: GmailSession, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the mail in the inbox and count its recipients, unless a fault applies or the limit is reached."""
        server.enter(SessionStage.END)
        refusal = await server.refusal(SessionStage.END, sender=envelope.mail_from or "")
        if refusal:
            return refusal
        if not self._sandbox.limit.allows(len(envelope.rcpt_tos)):
            return text(Situation.LIMIT_REACHED, server.id)
        self._sandbox.limit.take(len(envelope.rcpt_tos))
        return self._take(server, session, envelope)

    def _take(self, server: GmailSession, session: Session, envelope: Envelope) -> str:
        now = self._sandbox.clock()
        tls = server.tls_object
        version = (tls.version() if tls else None) or ""
        cipher = tls.cipher() if tls else None
        mail = receive(
            envelope.original_content or b"",
            sender=(envelope.mail_from or "").strip("<>"),
            arrival=Arrival(
                account=self._sandbox.account.username,
                session=server.id,
                client_name=session.host_name or "",
                client_address=server.peer_address,
                tls=f"version={version} cipher={cipher[0] if cipher else ''}",
                recipients=tuple(envelope.rcpt_tos),
                at=now,
            ),
            tls_version=version,
        )
        self._sandbox.inbox.add(mail)
        logger.bind(
            id=mail.id,
            session=server.id,
            sender=masked(mail.sender),
            recipients=[masked(recipient) for recipient in mail.recipients],
            size=len(mail.received),
        ).info("mail accepted")
        return accepted(server.id, at=now)

    async def handle_exception(self, error: Exception) -> str:
        """Log the exception and return a temporary error; a failed TLS handshake is logged without a traceback."""
        defect = None if isinstance(error, TLSSetupException) else error
        logger.bind(error=type(error.__cause__ or error).__name__).opt(exception=defect).warning("session failed")
        return "451 4.3.0 Temporary System Problem. Try again later."
