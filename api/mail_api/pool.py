"""Connections to Postfix that outlive a request: few, opened when first needed, the warmest one first.

Postfix's own limits decide the constants: it ends a session that idles for 300 s (smtpd_timeout), and a reload
reaches only new sessions, so none of ours lives long.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mail_api.errors import MailServerBusy, Refused
from mail_api.session import Session
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
        self._session: Session | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._opened_at = 0.0
        self.busy = False

    @property
    def is_open(self) -> bool:
        """Whether there is a session, as far as this side knows."""
        return self._session is not None and self._session.is_open

    async def take(self, deadline: float) -> Session:
        """Return the session, opened and greeted if there was none.

        Raises:
            OSError: no session now (TimeoutError and SessionLost are some).
        """
        self.busy = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._session is None or not self._session.is_open:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout_at(min(deadline, loop.time() + CONNECT_SECONDS)):
                self._session = await Session.open(self._host, self._port, Service.API.value)
            self._opened_at = loop.time()
        return self._session

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
        if self._session is not None:
            self._session.quit()
        self.drop()

    def drop(self) -> None:
        """End the session at once: its dialogue is in an unknown state."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._session is not None:
            self._session.close()
            self._session = None


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
    async def session(self, deadline: float, *, fresh: bool = False) -> AsyncIterator[Session]:
        """Lend a session until the block ends; one that ends in an error is not used again.

        Args:
            deadline: when waiting for a free connection, and connecting, ends; in the loop's time.
            fresh: open a new session, since those at hand have just proved stale.

        Raises:
            MailServerBusy: none came free before the deadline.
            OSError: none could be opened.
        """
        connection = await self._wait_for_free(deadline)
        try:
            if fresh:
                connection.quit()
            yield await connection.take(deadline)
        except Refused:
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
        if not self._free.empty():
            return self._free.get_nowait()
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
