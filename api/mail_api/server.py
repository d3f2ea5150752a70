"""The HTTP server: uvicorn, which leaves signals to us and does not wait for ever for slow callers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_KEEP_ALIVE_SECONDS: Final = 95
"""Longer than a reverse proxy keeps an idle connection (Traefik: 90), lest it sends into one that just ended."""
_MOST_CONNECTIONS: Final = 1_000
_LONGEST_HEAD_BYTES: Final = 65_536


class Server(uvicorn.Server):
    """A server that leaves signals alone: with two in one loop, only the last one started would hear of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Impatient(HttpToolsProtocol):
    """Ends a connection whose caller takes longer than `patience` seconds over a request's headers.

    uvicorn waits for ever, before the first byte of a connection and between any two of a header: a few hundred
    idle callers (slow-loris) would use up its connections. Headers without an end are cut off, too. Bodies have
    their own limits, in `body`.
    """

    patience: float
    _timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what has come, if it is not too much."""
        super().data_received(data)
        self._watch()
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _LONGEST_HEAD_BYTES:
                self.send_400_response("The headers have no end")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._stop()

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Take the request."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for it."""
        self._stop()  # from here to the next byte, the time of idle connections counts
        super().on_response_complete()

    def _watch(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def impatient(seconds: float) -> type[Impatient]:
    """Return the protocol with so much patience."""
    return type("Impatient", (Impatient,), {"patience": seconds})


def http_server(app: Any, port: int, request_seconds: float, **options: Any) -> Server:  # noqa: ANN401 - uvicorn's types
    """Return the server of an app on a port."""
    return Server(
        uvicorn.Config(
            app,
            host="0.0.0.0",  # noqa: S104 - a container is reached from outside of it
            port=port,
            http=impatient(request_seconds),
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            limit_concurrency=_MOST_CONNECTIONS,
            log_config=None,  # uvicorn's records go the way of all others, to loguru
            access_log=False,  # ours has the route instead of the path
            server_header=False,
            proxy_headers=False,  # `clients` reads X-Forwarded-For, and believes named proxies alone
            **options,
        )
    )
