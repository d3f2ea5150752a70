"""Connections to Postfix that outlive a request: few, opened when first needed, the warmest one first.

Postfix's own limits decide the constants: it ends a session that idles for 300 s (smtpd_timeout), and a reload
reaches only new sessions, so none of ours lives long.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiosmtplib import SMTP, SMTPResponseException

from mail_api.errors import MailServerBusy, Refused
from mail_telemetry.names import Service

IDLE_SECONDS: Final = 60.0
MAX_AGE_SECONDS: Final = 300.0
CONNECT_SECONDS: Final = 3.0
"""One attempt's share of the deadline: a container that moved leaves an address where nothing ever answers."""


class Connection:
    """One place in the pool: a session with Postfix, or the room for one."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._smtp: SMTP | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._opened_at = 0.0
        self.busy = False

    @property
    def is_open(self) -> bool:
        """Whether there is a session, as far as this side knows."""
        return self._smtp is not None and self._smtp.is_connected

    async def take(self, deadline: float) -> SMTP:
        """Return the session, opened and greeted if there was none.

        Raises:
            TimeoutError, OSError, aiosmtplib.SMTPException: no session now.
        """
        self.busy = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._smtp is None or not self._smtp.is_connected:
            self._smtp = await self._open(deadline)
        return self._smtp

    async def _open(self, deadline: float) -> SMTP:
        loop = asyncio.get_running_loop()
        # Time is kept here and in `smtp`, for whole stages; aiosmtplib's own limits count single commands.
        smtp = SMTP(
            hostname=self._host, port=self._port, local_hostname=Service.API.value, start_tls=False, timeout=None
        )
        async with asyncio.timeout_at(min(deadline, loop.time() + CONNECT_SECONDS)):
            await smtp.connect()
            try:
                await smtp.ehlo()
            except BaseException:
                smtp.close()
                raise
        self._opened_at = loop.time()
        return smtp

    def rest(self) -> None:
        """Keep the session for the next mail, for a while."""
        self.busy = False
        loop = asyncio.get_running_loop()
        if not self.is_open:
            return
        if loop.time() - self._opened_at > MAX_AGE_SECONDS:
            self.quit()
        else:
            self._idle_timer = loop.call_later(IDLE_SECONDS, self.quit)

    def quit(self) -> None:
        """End the session politely, without waiting for the 221."""
        if self._smtp is not None and self._smtp.protocol is not None and self._smtp.protocol.is_connected:
            self._smtp.protocol.write(b"QUIT\r\n")
        self.drop()

    def drop(self) -> None:
        """End the session at once: its dialogue is in an unknown state."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


class Pool:
    """A fixed number of connections, handed out last in, first out, so that surplus ones fall idle and end."""

    def __init__(self, host: str, port: int, size: int) -> None:
        self._connections = tuple(Connection(host, port) for _ in range(size))
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for connection in self._connections:
            self._free.put_nowait(connection)

    @property
    def busy(self) -> int:
        """How many connections carry a mail now."""
        return sum(connection.busy for connection in self._connections)

    @property
    def idle(self) -> int:
        """How many open connections wait for a mail."""
        return sum(connection.is_open and not connection.busy for connection in self._connections)

    @asynccontextmanager
    async def session(self, deadline: float, *, fresh: bool = False) -> AsyncIterator[SMTP]:
        """Lend a session until the block ends; one that ends in an error is not used again.

        Args:
            deadline: when waiting for a free connection, and connecting, ends; in the loop's time.
            fresh: open a new session, since those at hand have just proved stale.

        Raises:
            MailServerBusy: none came free before the deadline.
            TimeoutError, OSError, aiosmtplib.SMTPException: none could be opened.
        """
        connection = await self._wait_for_free(deadline)
        try:
            if fresh:
                connection.quit()
            yield await connection.take(deadline)
        except (Refused, SMTPResponseException):
            # Postfix counts errors per session and slows down, then ends, those with many (smtpd_soft_error_limit).
            connection.quit()
            raise
        except BaseException:
            connection.drop()
            raise
        finally:
            connection.rest()
            self._free.put_nowait(connection)

    async def _wait_for_free(self, deadline: float) -> Connection:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout_at(deadline):
                return await self._free.get()
        except TimeoutError:
            raise MailServerBusy(round(loop.time() - started, 1)) from None

    async def close(self) -> None:
        """End every session, after the mail that it carries."""
        for _ in self._connections:
            (await self._free.get()).quit()
