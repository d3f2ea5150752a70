"""Runs the API on one port and its metrics on another, in one process and one event loop, until a signal."""

import asyncio
import gc
import signal
import sys
from collections.abc import Sequence
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from mail_api.app import create_app
from mail_api.server import Server, http_server
from mail_api.settings import Settings
from mail_api.telemetry import metrics_app, watch_losses
from mail_telemetry import configuration, logging
from mail_telemetry.names import Service
from mail_telemetry.tracing import Tracing, start_tracing

_GRACE_SECONDS: Final = 5
_GC_THRESHOLD: Final = 20_000
"""Allocations before a collection. Python's 2,000 are reached every twentieth mail, and nearly all are in use."""
_SWITCH_SECONDS: Final = 0.0005
"""How long the event loop waits for a thread that computes. Python's 0.005 s, after each system call, add up."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; exit with 2 when an OTEL_ variable can't be used."""
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
    # A request may wait as long as the mail server is given to come back.
    grace = int(settings.smtp_retry_seconds) + _GRACE_SECONDS
    app = create_app(settings, registry, tracing.provider)
    patience = settings.request_timeout_seconds
    servers = (
        http_server(app, settings.api_port, patience, timeout_graceful_shutdown=grace),
        http_server(metrics_app(registry), settings.metrics_port, patience, lifespan="off"),
    )
    _stop_on_signal(servers)
    # What is there by now stays. A full collection that looked at it again would halt all requests for 0.1 s.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        await asyncio.gather(*(server.serve() for server in servers))
    finally:
        await asyncio.to_thread(tracing.shutdown)


def _stop_on_signal(servers: Sequence[Server]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
