"""The command line: `mail-exporter run`."""

import os
import signal
import threading
from functools import partial
from time import monotonic
from typing import Final

import typer
from loguru import logger
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)

from mail_exporter import parts
from mail_exporter.metrics import LogMetrics
from mail_exporter.parts import PartsCollector
from mail_exporter.pipeline import Follower, Pipeline
from mail_exporter.queue import QueueReader, read_queue
from mail_exporter.server import serve
from mail_exporter.settings import Settings
from mail_exporter.source import LogFollower
from mail_exporter.tracing import SpanFactory
from mail_ledger import Ledger, LedgerError
from mail_telemetry import configuration, logging, tracing
from mail_telemetry.names import Service

_STALLED_SECONDS: Final = 60.0
"""A follower that has not looked at the log for so long hangs."""

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def commands() -> None:
    """Turn the Postfix log and queue into metrics and traces. Settings come from the environment (README)."""


@app.command()
def run() -> None:
    """Follow the log and serve /metrics until SIGTERM."""
    settings = configuration.load_or_stop(Settings)
    logging.configure(Service.EXPORTER, settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        ledger = Ledger.open(settings.ledger_url)
        position = ledger.position(str(settings.mail_log_file))
    except LedgerError as error:
        configuration.stop(f"LEDGER_URL: {error}; is the ledger's volume there and writable for this user?")
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    processor = tracing.span_processor(os.environ)
    pipeline = Pipeline(
        log=str(settings.mail_log_file),
        ledger=ledger,
        metrics=LogMetrics(registry),
        span_factory=SpanFactory(tracing.resource(Service.SERVER)),
        span_processor=processor,
    )
    source = LogFollower(settings.mail_log_file, position)
    follower = Follower(source, pipeline, stop.wait)
    queue = QueueReader(partial(read_queue, settings.queue_host, settings.queue_port, settings.queue_timeout_seconds))
    registry.register(
        PartsCollector(
            {
                parts.QUEUE: queue.metrics,
                parts.LOG: partial(follower.check, parts.LOG),
                parts.LEDGER: partial(follower.check, parts.LEDGER),
            }
        )
    )
    try:
        server = serve(settings.exporter_port, registry, lambda: monotonic() - follower.last_look < _STALLED_SECONDS)
    except OSError as error:
        configuration.stop(f"EXPORTER_PORT: cannot listen on {settings.exporter_port}: {error.strerror}")
    logger.info("following the log", log=str(settings.mail_log_file), port=server.server_port)
    with source:
        follower.run()
    server.shutdown()
    if processor is not None:
        processor.shutdown()
    ledger.close()
    logger.info("stopped")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
