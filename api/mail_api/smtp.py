"""Submits mails to Postfix with aiosmtplib, over a pool of connections, and retries while that is safe.

C: MAIL FROM:<noreply@example.org> size=812     S: 250 2.1.0 Ok
C: RCPT TO:<hello@example.org>                  S: 250 2.1.5 Ok
-- up to here nothing was sent: after a lost connection, or a 421, the mail is retried on a new connection --
C: DATA                                         S: 354 End data with <CR><LF>.<CR><LF>
C: (the mail) .                                 S: 250 2.0.0 Ok: queued as 4jXSsP52xGzDhqX
-- from DATA on, a 4xx or 5xx reply refuses the mail; without a reply its outcome is unknown --
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from loguru import logger

from mail_api.errors import (
    InternationalAddress,
    MailServerBusy,
    MailServerUnreachable,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    Refused,
    SenderRefused,
    TemporarilyRefused,
)
from mail_telemetry.names import Attribute, Service

IDLE_SECONDS: Final = 60.0
"""Postfix ends a connection that is idle for 300 s (smtpd_timeout)."""
MAX_AGE_SECONDS: Final = 300.0
"""A reload of Postfix reaches only new connections."""
CONNECT_SECONDS: Final = 3.0
"""Time for one attempt to connect: the address of a container that moved never answers."""
REPLY_SECONDS: Final = 30.0
"""How long the reply to a whole message may take; milters and a busy disk delay it."""

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_QUEUED_AS: Final = re.compile(r"queued as (\w+)")
_UNSAFE: Final = re.compile(r"[\s<>]")
_QUIT_SECONDS: Final = 1.0
_CLOSING: Final = 421
_TEMPORARY: Final = range(400, 500)
_PERMANENT: Final = range(500, 600)
_TOO_LARGE: Final = 552


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail as SMTP sees it."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    international: bool = False
    """Whether an address needs SMTPUTF8 (RFC 6531)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Postfix's 250: the mail is in its queue under this id (None when the reply has none)."""

    queue_id: str | None


class ConnectionUnusable(ConnectionError):
    """The connection was lost before the message, or Postfix ended it with 421: the mail can be retried."""


class Submitter:
    """Submits mails, and retries to reach Postfix for a while.

    Args:
        pool: connections to Postfix.
        retry_seconds: SMTP_RETRY_SECONDS.
        on_retry: is called before each retry.
    """

    def __init__(self, pool: "Pool", retry_seconds: float, on_retry: Callable[[], None]) -> None:
        self._pool = pool
        self._retry_seconds = retry_seconds
        self._on_retry = on_retry

    async def submit(self, envelope: Envelope) -> Receipt:
        """Return the receipt once Postfix has answered 250 to the whole message.

        Raises:
            MailServerBusy, MailServerUnreachable, Refused: the mail was not accepted.
            OutcomeUnknown: the message was sent, and the reply is missing.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._retry_seconds
        pause = 0.0
        while True:
            try:
                async with self._pool.connection(deadline, fresh=pause > 0) as smtp:
                    return await _submit(smtp, envelope, deadline)
            except ConnectionUnusable:
                pause = min(pause * 2, _LONGEST_PAUSE) or _FIRST_PAUSE
            left = deadline - loop.time()
            if left <= _FIRST_PAUSE:
                raise MailServerUnreachable(self._retry_seconds)
            self._on_retry()
            await asyncio.sleep(min(pause, left - _FIRST_PAUSE))


class Pool:
    """A limited number of connections; the one used last is used first, so that surplus ones become idle and end.

    aiosmtplib has no pool: one `SMTP` object is one connection.
    """

    def __init__(self, host: str, port: int, size: int) -> None:
        self._host = host
        self._port = port
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[_Connection] = []
        self._quits: set[asyncio.Task[None]] = set()
        self.busy = 0
        """How many connections carry a mail now."""

    @property
    def idle(self) -> int:
        """How many open connections wait for a mail."""
        return sum(connection.smtp.is_connected for connection in self._idle)

    @asynccontextmanager
    async def connection(self, deadline: float, *, fresh: bool = False) -> AsyncIterator[SMTP]:
        """Lend a connection until the block ends; one that ends in an error is not used again.

        Args:
            deadline: when waiting for a free connection, and connecting, ends; in the loop's time.
            fresh: open a new connection, because the last one was lost.

        Raises:
            MailServerBusy: no connection became free before the deadline.
            ConnectionUnusable: no connection could be opened.
        """
        await self._wait_for_free(deadline)
        self.busy += 1
        try:
            connection = self._take_idle(fresh=fresh) or await self._open(deadline)
            try:
                yield connection.smtp
            except Refused:
                # Postfix counts errors per connection, and delays and ends one with many (smtpd_soft_error_limit).
                self._quit(connection)
                raise
            except BaseException:
                connection.smtp.close()
                raise
            self._keep(connection)
        finally:
            self.busy -= 1
            self._free.release()

    async def close(self) -> None:
        """End every connection, after the mail that it carries."""
        for _ in range(self._size):
            await self._free.acquire()
        while self._idle:
            self._quit(self._idle.pop())
        await asyncio.gather(*self._quits)

    async def _wait_for_free(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError:
            raise MailServerBusy(round(loop.time() - started, 1)) from None

    def _take_idle(self, *, fresh: bool) -> "_Connection | None":
        """Return the connection that was used last; with `fresh`, end it and return None."""
        while self._idle:
            connection = self._idle.pop()
            connection.stop_timer()
            if connection.smtp.is_connected and not fresh:
                return connection
            self._quit(connection)
            if fresh:
                break
        return None

    async def _open(self, deadline: float) -> "_Connection":
        loop = asyncio.get_running_loop()
        smtp = smtp_client(self._host, self._port, REPLY_SECONDS)
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + CONNECT_SECONDS)):
                await smtp.connect()
                await smtp.ehlo()
        except (SMTPException, OSError) as error:
            smtp.close()
            raise ConnectionUnusable from error
        except BaseException:
            smtp.close()
            raise
        return _Connection(smtp, loop.time())

    def _keep(self, connection: "_Connection") -> None:
        """Keep the connection for the next mail, for a while."""
        loop = asyncio.get_running_loop()
        if loop.time() - connection.opened_at > MAX_AGE_SECONDS or not connection.smtp.is_connected:
            self._quit(connection)
        else:
            connection.idle_timer = loop.call_later(IDLE_SECONDS, self._end_idle, connection)
            self._idle.append(connection)

    def _end_idle(self, connection: "_Connection") -> None:
        self._idle.remove(connection)
        self._quit(connection)

    def _quit(self, connection: "_Connection") -> None:
        """End the connection with QUIT, whose reply is awaited in the background."""
        connection.stop_timer()
        task = asyncio.get_running_loop().create_task(_quit(connection.smtp))
        self._quits.add(task)
        task.add_done_callback(self._quits.discard)


@dataclass(eq=False, slots=True)
class _Connection:
    """An open connection."""

    smtp: SMTP
    opened_at: float
    idle_timer: asyncio.TimerHandle | None = None

    def stop_timer(self) -> None:
        """Let the connection live while it carries a mail."""
        if self.idle_timer is not None:
            self.idle_timer.cancel()


def smtp_client(host: str, port: int, timeout: float) -> SMTP:
    """Return an unconnected client; replies are awaited for `timeout` seconds.

    No TLS: Postfix is on the internal network, and its certificate is self-signed.
    """
    return SMTP(hostname=host, port=port, local_hostname=Service.API.value, start_tls=False, timeout=timeout)


async def _quit(smtp: SMTP) -> None:
    if smtp.is_connected:
        with suppress(SMTPException, OSError):
            await smtp.quit(timeout=_QUIT_SECONDS)
    smtp.close()


async def _submit(smtp: SMTP, envelope: Envelope, deadline: float) -> Receipt:
    options = _mail_options(smtp, envelope)
    encoding = "utf-8" if envelope.international else "ascii"
    try:
        async with asyncio.timeout_at(deadline):
            await smtp.mail(_safe(envelope.sender), options=options, encoding=encoding)
            for recipient in envelope.recipients:
                await smtp.rcpt(_safe(recipient), encoding=encoding)
    except SMTPSenderRefused as error:
        raise _refusal(SenderRefused, error) or ConnectionUnusable() from error
    except SMTPRecipientRefused as error:
        raise _refusal(RecipientRefused, error) or ConnectionUnusable() from error
    except (SMTPException, OSError) as error:
        raise ConnectionUnusable from error
    if not smtp.is_connected:
        raise ConnectionUnusable  # nothing of the message was sent
    return await _send_message(smtp, envelope.content)


async def _send_message(smtp: SMTP, content: bytes) -> Receipt:
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            reply = await smtp.data(content)
    except SMTPDataError as error:
        if error.code == _CLOSING:
            raise ConnectionUnusable from error
        raise _refusal(MessageRefused, error) or OutcomeUnknown() from None
    except Exception as error:  # whatever it is: Postfix may have the message
        logger.bind(**{Attribute.ERROR_TYPE: type(error).__name__}).warning("the mail server did not confirm a message")
        raise OutcomeUnknown from error
    queued = _QUEUED_AS.search(reply.message)
    return Receipt(queued[1] if queued else None)


def _mail_options(smtp: SMTP, envelope: Envelope) -> list[str]:
    """Return the parameters of the MAIL command.

    Raises:
        InternationalAddress: the mail server does not support SMTPUTF8.
    """
    options = [f"SIZE={len(envelope.content)}"] if smtp.supports_extension("size") else []
    if envelope.international:
        if not smtp.supports_extension("smtputf8"):
            raise InternationalAddress
        options.append("SMTPUTF8")
    return options


def _safe(address: str) -> str:
    """Return an address that cannot add parameters to its command; the request's checks refuse all others."""
    if _UNSAFE.search(address):
        raise ValueError("an address holds a blank or a bracket")
    return address


def _refusal(kind: type[Refused], error: SMTPResponseException) -> Refused | None:
    """Return the refusal that a 4xx or 5xx reply means; None for 421, which ends the connection, and other codes."""
    if error.code == _CLOSING:
        return None
    if error.code in _TEMPORARY:
        return TemporarilyRefused(error.code, error.message)
    if error.code == _TOO_LARGE:  # in reply to MAIL already, because of SIZE=
        return MessageRefused(error.code, error.message)
    return kind(error.code, error.message) if error.code in _PERMANENT else None
