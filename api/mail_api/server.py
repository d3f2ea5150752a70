"""The HTTP server: uvicorn, which leaves signals to us and does not wait for ever for slow callers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

_KEEP_ALIVE_SECONDS: Final = 95
"""Longer than a reverse proxy keeps an idle connection (Traefik: 90), lest it sends into one that just ended."""
_MOST_CONNECTIONS: Final = 1_000


class Server(uvicorn.Server):
    """A server that leaves signals alone: with two in one loop, only the last one started would hear of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def impatient(seconds: float) -> type[H11Protocol]:
    """Return the protocol that ends a connection whose caller takes longer than that over a request's headers.

    uvicorn waits for ever, before the first byte of a connection and between any two of a header: a few hundred
    idle callers (slow-loris) would use up its connections. Bodies have their own limit, in `body`.
    """

    class Impatient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._stop()

        def on_response_complete(self) -> None:
            self._stop()  # from here to the next byte, the time of idle connections counts
            super().on_response_complete()

        def _watch(self) -> None:
            cycle: RequestResponseCycle | None = self.cycle
            if cycle is not None and not cycle.response_complete:
                self._stop()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self.transport.close)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Impatient


def http_server(app: Any, port: int, request_seconds: float, **options: Any) -> Server:  # noqa: ANN401 - uvicorn's types
    """Return the server of an app on a port."""
    return Server(
        uvicorn.Config(
            app,
            host="0.0.0.0",  # noqa: S104 - a container is reached from outside of it
            port=port,
            http=impatient(request_seconds),
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            limit_concurrency=_MOST_CONNECTIONS,
            log_config=None,  # uvicorn's records go the way of all others, to loguru
            access_log=False,  # ours has the route instead of the path
            server_header=False,
            proxy_headers=False,  # `clients` reads X-Forwarded-For, and believes named proxies alone
            **options,
        )
    )
