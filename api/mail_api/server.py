"""HTTP servers: the API on one port and its metrics on another, by uvicorn, until a signal."""

import asyncio
import gc
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
import uvloop
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mail_api.app import create_app
from mail_api.settings import Settings
from mail_api.telemetry import metrics_app, watch_losses
from mail_telemetry import configuration, logging
from mail_telemetry.names import Service
from mail_telemetry.tracing import Tracing, start_tracing

_GRACE_SECONDS: Final = 5
_GC_THRESHOLD: Final = 20_000
"""Allocations before a garbage collection. With Python's 2,000, every twentieth mail causes one that frees little."""
_SWITCH_SECONDS: Final = 0.0005
"""How long the event loop waits for a thread that computes, perhaps after each system call; Python: 0.005."""
_KEEP_ALIVE_SECONDS: Final = 95
"""Longer than a reverse proxy keeps an idle connection (Traefik: 90), so that it never uses one just closed."""
_MOST_CONNECTIONS: Final = 1_000
_LONGEST_HEAD_BYTES: Final = 65_536


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; exit with 2 when an OTEL_ variable or a form file cannot be used."""
    log = logging.configure(Service.API, settings.log_level, queue_limit=logging.QUEUED_LINES)
    try:
        with configuration.stopping():
            tracing = start_tracing(Service.API)
            registry = CollectorRegistry()
            watch_losses(registry, tracing.export, log)
            uvloop.run(_serve(settings, registry, tracing))
    finally:
        log.close()


async def _serve(settings: Settings, registry: CollectorRegistry, tracing: Tracing) -> None:
    """Serve both ports until a signal comes; requests in flight are finished, then spans are exported."""
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    # A request may wait SMTP_RETRY_SECONDS for the mail server.
    grace = int(settings.smtp_retry_seconds) + _GRACE_SECONDS
    app = create_app(settings, registry, tracing.provider)
    request_seconds = settings.request_timeout_seconds
    servers = (
        http_server(app, settings.api_port, request_seconds, timeout_graceful_shutdown=grace),
        http_server(metrics_app(registry), settings.metrics_port, request_seconds, lifespan="off"),
    )
    _stop_on_signal(servers)
    # These objects are never freed. A full garbage collection that examined them would stop all requests for 0.1 s.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        await asyncio.gather(*(server.serve() for server in servers))
    finally:
        await asyncio.to_thread(tracing.shutdown)


def _stop_on_signal(servers: Sequence[uvicorn.Server]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


class Server(uvicorn.Server):
    """A server without signal handlers: of two in one loop, only the last one started would receive signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """Closes a connection that takes longer than `header_seconds` for a request's headers.

    uvicorn has no such time-out: it waits without limit before the first byte of a connection and between two bytes of
    a header, so that a few hundred idle callers (slow-loris) would use up its connections. Headers of more than 64 KB
    are refused, too. Bodies have their own limits, in `request_body`.
    """

    header_seconds: float
    _timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time-out."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Parse the data, and limit the length of headers."""
        super().data_received(data)
        self._watch()
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _LONGEST_HEAD_BYTES:
                self.send_400_response("The headers have no end")

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the time-out."""
        super().connection_lost(exc)
        self._stop()

    def on_message_begin(self) -> None:
        """Count the bytes of the headers."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """Handle the request."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Continue with the next request."""
        self._stop()  # from here to the next byte, the time of idle connections counts
        super().on_response_complete()

    def _watch(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.header_seconds, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def with_header_timeout(seconds: float) -> type[HeaderTimeoutProtocol]:
    """Return the protocol class with this time-out, since uvicorn takes a class."""
    return type("HeaderTimeoutProtocol", (HeaderTimeoutProtocol,), {"header_seconds": seconds})


def http_server(app: Any, port: int, request_seconds: float, **options: Any) -> Server:  # noqa: ANN401 - uvicorn's types
    """Return the server of an app on a port."""
    return Server(
        uvicorn.Config(
            app,
            host="0.0.0.0",  # noqa: S104 - a container is reached from outside of it
            port=port,
            http=with_header_timeout(request_seconds),
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            limit_concurrency=_MOST_CONNECTIONS,
            log_config=None,  # uvicorn's records go to loguru, like all others
            access_log=False,  # ours has the route instead of the path
            server_header=False,
            proxy_headers=False,  # `client_addresses` reads X-Forwarded-For, of TRUSTED_PROXIES alone
            **options,
        )
    )
