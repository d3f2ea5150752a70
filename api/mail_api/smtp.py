"""Hands a finished mail to Postfix, and knows when trying again is safe.

C: MAIL FROM:<noreply@example.org> SIZE=812     S: 250 2.1.0 Ok
C: RCPT TO:<hello@example.org>                  S: 250 2.1.5 Ok
C: DATA                                         S: 354 End data with <CR><LF>.<CR><LF>
-- up to here nothing was sent, and any failure of the connection is retried on a new one --
C: (the mail) .                                 S: 250 2.0.0 Ok: queued as 4jXSsP52xGzDhqX
-- from the first byte on, only the answer can tell; without one the outcome is unknown --
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from aiosmtplib.protocol import SMTPProtocol

from mail_api.errors import (
    InternationalAddress,
    MailServerUnreachable,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    Refused,
    SenderRefused,
    Situation,
    TemporarilyRefused,
)
from mail_api.pool import Pool

REPLY_SECONDS: Final = 30.0
"""How long the answer to a whole message may take; milters and a busy disk delay it."""

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_QUEUED_AS: Final = re.compile(r"queued as (\w+)")

_COMPLETED: Final = 250
_START_INPUT: Final = 354
_TEMPORARY: Final = range(400, 500)
_CLOSING: Final = 421
_PERMANENT: Final = range(500, 600)
_TOO_LARGE: Final = 552

_REFUSED_BY_STAGE: Final[dict[type[SMTPException], type[Refused]]] = {
    SMTPSenderRefused: SenderRefused,
    SMTPRecipientRefused: RecipientRefused,
    SMTPDataError: MessageRefused,
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail as SMTP sees it; the content's lines end in CRLF."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    international: bool = False
    """Whether an address needs SMTPUTF8 (RFC 6531)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Postfix's 250: the mail is in its queue under this id (None when the reply names none)."""

    queue_id: str | None


class Submitter:
    """Submits mails through the pool, and keeps trying to reach Postfix for a while."""

    def __init__(self, pool: Pool, retry_seconds: float, on_retry: Callable[[], None]) -> None:
        self._pool = pool
        self._retry_seconds = retry_seconds
        self._on_retry = on_retry

    async def submit(self, envelope: Envelope) -> Receipt:
        """Return the receipt once Postfix has answered 250 to the whole message.

        Raises:
            MailServerBusy, MailServerUnreachable, Refused: the mail was not accepted.
            OutcomeUnknown: it was sent, and no answer came.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._retry_seconds
        pause = 0.0
        while True:
            try:
                async with self._pool.session(deadline, fresh=pause > 0) as smtp:
                    return await _submit_once(smtp, envelope, deadline)
            except Situation:  # some of them are OSErrors too
                raise
            except (SMTPException, OSError) as problem:
                _raise_if_final(problem)
            pause = min(pause * 2, _LONGEST_PAUSE) or _FIRST_PAUSE
            left = deadline - loop.time()
            if left <= _FIRST_PAUSE:
                raise MailServerUnreachable(self._retry_seconds)
            self._on_retry()
            await asyncio.sleep(min(pause, left - _FIRST_PAUSE))


def _raise_if_final(problem: Exception) -> None:
    """Raise the refusal that a reply before the message means; return when another connection may do better.

    421 is Postfix closing the session (it restarts, or ours is too old), whatever the command was.
    """
    stage = _REFUSED_BY_STAGE.get(type(problem))  # type: ignore[arg-type]
    if stage is None or not isinstance(problem, SMTPResponseException) or problem.code == _CLOSING:
        return
    refusal = _refusal(stage, problem.code, problem.message)
    if refusal is not None:
        raise refusal from None


def _refusal(stage: type[Refused], code: int, reply: str) -> Refused | None:
    if code in _TEMPORARY:
        return TemporarilyRefused(code, reply)
    if code == _TOO_LARGE:  # said to MAIL already, because of SIZE=
        return MessageRefused(code, reply)
    return stage(code, reply) if code in _PERMANENT else None


async def _submit_once(smtp: SMTP, envelope: Envelope, deadline: float) -> Receipt:
    async with asyncio.timeout_at(deadline):
        await _open_envelope(smtp, envelope)
    if smtp.protocol is None:
        raise SMTPServerDisconnected("Connection lost before the message")
    return await _send_content(smtp.protocol, envelope.content)


async def _open_envelope(smtp: SMTP, envelope: Envelope) -> None:
    options = [f"SIZE={len(envelope.content)}"] if smtp.supports_extension("size") else []
    if envelope.international:
        if not smtp.supports_extension("smtputf8"):
            raise InternationalAddress
        options.append("SMTPUTF8")
    await smtp.mail(envelope.sender, options=options)
    for recipient in envelope.recipients:
        await smtp.rcpt(recipient, encoding="utf-8")
    start = await smtp.execute_command(b"DATA")
    if start.code != _START_INPUT:
        raise SMTPDataError(start.code, start.message)


async def _send_content(protocol: SMTPProtocol, content: bytes) -> Receipt:
    protocol.write(_as_data(content))  # raises before it writes anything, so still safe to retry
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            reply = await protocol.read_response()
    except (SMTPException, OSError):
        raise OutcomeUnknown from None
    if reply.code == _COMPLETED:
        queued = _QUEUED_AS.search(reply.message)
        return Receipt(queued[1] if queued else None)
    raise _refusal(MessageRefused, reply.code, reply.message) or OutcomeUnknown()


def _as_data(content: bytes) -> bytes:
    """Return the content with leading dots doubled and the final dot added (RFC 5321 section 4.5.2)."""
    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    return (b"\r\n" + ended).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
