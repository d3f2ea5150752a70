"""`mail-api`: the API on one port, its metrics on another, in one process and one event loop."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from mail_api.app import create_app
from mail_api.observability import metrics_app, watch_spans
from mail_api.server import Server, http_server
from mail_api.settings import Settings
from mail_telemetry import configuration, log_export, logging, tracing
from mail_telemetry.names import Service
from mail_telemetry.sending import QueuedSpans

_GRACE_SECONDS: Final = 5
_YOUNG_OBJECTS: Final = 20_000
"""How many may come before a collection. Python's 2,000 are there at each twentieth mail, nearly all of them in use."""
_SWITCH_SECONDS: Final = 0.0005
"""How long the loop waits for a thread that computes. Python's 0.005 s, after each system call, add up."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT; exit with 2 and a line per problem when the environment can't be used."""
    parser = argparse.ArgumentParser(
        prog="mail-api",
        description="HTTP in, SMTP out. Everything is set by environment variables:",
        epilog=_variables(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    settings = configuration.load_or_stop(Settings)
    logging.configure(Service.API, settings.log_level, gathers=True)
    with configuration.stopping():
        stop_export = log_export.start(Service.API, os.environ)
    try:
        uvloop.run(serve(settings))
    finally:
        stop_export()


def _variables() -> str:
    return "\n".join(
        f"  {name.upper():<24} {field.description} [{configuration.default_text(field)}]"
        for name, field in Settings.model_fields.items()
    )


async def serve(settings: Settings) -> None:
    """Serve both ports until a signal comes; requests in flight are finished, then spans are flushed."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    with configuration.stopping():
        sender = tracing.span_sender(os.environ)
    watch_spans(registry, sender)
    provider = tracing.tracer_provider(Service.API, QueuedSpans(sender) if sender else None)
    # A request may wait as long as the mail server is given to come back.
    grace = int(settings.smtp_retry_seconds) + _GRACE_SECONDS
    app = create_app(settings, registry, provider)
    patience = settings.request_timeout_seconds
    servers = (
        http_server(app, settings.api_port, patience, timeout_graceful_shutdown=grace),
        http_server(metrics_app(registry), settings.metrics_port, patience, lifespan="off"),
    )
    _stop_on_signal(servers)
    # What is there by now stays. A full collection that looked at it again would halt all requests for 0.1 s.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        await asyncio.gather(*(server.serve() for server in servers))
    finally:
        await asyncio.to_thread(provider.shutdown)


def _stop_on_signal(servers: Sequence[Server]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


if __name__ == "__main__":
    main()
