"""Hands a finished mail to Postfix, and knows when trying again is safe.

C: XFORWARD IDENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
C: MAIL FROM:<noreply@example.org> SIZE=812     S: 250 2.0.0 Ok
C: RCPT TO:<hello@example.org>                  S: 250 2.1.0 Ok
C: DATA                                         S: 250 2.1.5 Ok
                                                S: 354 End data with <CR><LF>.<CR><LF>
-- up to here nothing was sent, and any failure of the connection is retried on a new one --
C: (the mail) .                                 S: 250 2.0.0 Ok: queued as 4jXSsP52xGzDhqX
-- from the first byte on, only the answer can tell; without one the outcome is unknown --
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

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
from mail_api.session import Reply, Session, SessionLost

REPLY_SECONDS: Final = 30.0
"""How long the answer to a whole message may take; milters and a busy disk delay it."""

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_QUEUED_AS: Final = re.compile(r"queued as (\w+)")

_COMPLETED: Final = 250
_WILL_DELIVER: Final = (250, 251)
_START_INPUT: Final = 354
_TEMPORARY: Final = range(400, 500)
_CLOSING: Final = 421
_PERMANENT: Final = range(500, 600)
_TOO_LARGE: Final = 552

_UNSAFE: Final = re.compile(r"[\s<>]")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail as SMTP sees it; the content's lines end in CRLF."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    international: bool = False
    """Whether an address needs SMTPUTF8 (RFC 6531)."""
    trace: str | None = None
    """The span that the mail is a part of, as a `traceparent`."""


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
                async with self._pool.session(deadline, fresh=pause > 0) as session:
                    return await _submit_once(session, envelope, deadline)
            except Situation:  # some of them are OSErrors too
                raise
            except OSError:
                pass  # nothing of the message was sent
            pause = min(pause * 2, _LONGEST_PAUSE) or _FIRST_PAUSE
            left = deadline - loop.time()
            if left <= _FIRST_PAUSE:
                raise MailServerUnreachable(self._retry_seconds)
            self._on_retry()
            await asyncio.sleep(min(pause, left - _FIRST_PAUSE))


class _NotTaken(ConnectionError):
    """A reply before the message that refuses nothing: another connection may do better."""


async def _submit_once(session: Session, envelope: Envelope, deadline: float) -> Receipt:
    async with asyncio.timeout_at(deadline):
        await _open_envelope(session, envelope)
    return await _send_content(session, envelope.content)


async def _open_envelope(session: Session, envelope: Envelope) -> None:
    trace = _trace(session, envelope)
    commands = [_mail(session, envelope), *(f"RCPT TO:<{_safe(recipient)}>" for recipient in envelope.recipients)]
    # With several recipients DATA waits for the answers: were one of them refused, the others' would be 354.
    together = len(envelope.recipients) == 1
    # Whatever the answer to the trace is, the mail goes on.
    replies = (await session.ask(*trace, *commands, *(["DATA"] if together else [])))[len(trace) :]
    _check(SenderRefused, replies[0], _COMPLETED)
    for reply in replies[1 : len(commands)]:
        _check(RecipientRefused, reply, *_WILL_DELIVER)
    (start,) = replies[len(commands) :] or await session.ask("DATA")
    _check(MessageRefused, start, _START_INPUT)


def _trace(session: Session, envelope: Envelope) -> tuple[str, ...]:
    """Return the command that has Postfix log the trace as it logs the client (XFORWARD_README); none without trace."""
    return (f"XFORWARD IDENT={envelope.trace}",) if envelope.trace and "xforward" in session.extensions else ()


def _mail(session: Session, envelope: Envelope) -> str:
    """Return the command that begins a mail.

    Raises:
        InternationalAddress: the mail server does not take it.
    """
    words = [f"MAIL FROM:<{_safe(envelope.sender)}>"]
    if "size" in session.extensions:
        words.append(f"SIZE={len(envelope.content)}")
    if envelope.international:
        if "smtputf8" not in session.extensions:
            raise InternationalAddress
        words.append("SMTPUTF8")
    return " ".join(words)


def _safe(address: str) -> str:
    """Return an address that can't end its place in a command; the checks at the door let no other through."""
    if _UNSAFE.search(address):
        raise ValueError("an address holds a blank or a bracket")
    return address


def _check(stage: type[Refused], reply: Reply, *good: int) -> None:
    """Raise what a reply before the message means, unless it is good.

    421 is Postfix closing the session (it restarts, or ours is too old), whatever the command was.
    """
    if reply.code in good:
        return
    refusal = None if reply.code == _CLOSING else _refusal(stage, reply)
    raise refusal or _NotTaken(reply.text)


def _refusal(stage: type[Refused], reply: Reply) -> Refused | None:
    if reply.code in _TEMPORARY:
        return TemporarilyRefused(*reply)
    if reply.code == _TOO_LARGE:  # said to MAIL already, because of SIZE=
        return MessageRefused(*reply)
    return stage(*reply) if reply.code in _PERMANENT else None


async def _send_content(session: Session, content: bytes) -> Receipt:
    data = _as_data(content)
    if not session.is_open:
        raise SessionLost("it ended the session before the message")  # so nothing was sent, and trying again is safe
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            reply = await session.send(data)
    except OSError:
        raise OutcomeUnknown from None
    if reply.code == _COMPLETED:
        queued = _QUEUED_AS.search(reply.text)
        return Receipt(queued[1] if queued else None)
    raise _refusal(MessageRefused, reply) or OutcomeUnknown()


def _as_data(content: bytes) -> bytes:
    """Return the content with leading dots doubled and the final dot added (RFC 5321 section 4.5.2)."""
    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    return (b"\r\n" + ended).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
