"""`mail-exporter run`: follow the mail log and serve /metrics until SIGTERM."""

import signal
import threading
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from time import monotonic, time
from typing import Final

from loguru import logger
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from mail_exporter import collectors
from mail_exporter.collectors import Collect, ScrapeCollector, gauge
from mail_exporter.collectors.cached import CachedCollector
from mail_exporter.collectors.certificate import certificate_metrics, read_expiry
from mail_exporter.collectors.queue import queue_metrics, read_queue
from mail_exporter.collectors.quota import Limits, limit_metrics
from mail_exporter.collectors.span_export import span_metrics
from mail_exporter.collectors.volumes import Volumes
from mail_exporter.delivery_agents import RelayLabels
from mail_exporter.delivery_log import DeliveryLog
from mail_exporter.http_server import serve
from mail_exporter.ledger_checkpoint import LedgerCheckpoint
from mail_exporter.log_line import LineReader
from mail_exporter.log_once import LogOnce
from mail_exporter.log_tail import LogTail, resume_position
from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.read_loop import ReadLoop
from mail_exporter.settings import Settings
from mail_exporter.spans import LogIdGenerator, SpanEmitter
from mail_exporter.tracker import Tracker, open_mails
from mail_ledger import Ledger, LedgerError, LogPosition
from mail_ledger.migrations import SchemaUnusable
from mail_telemetry import configuration, logging
from mail_telemetry.cause_rules import classifier_or_stop
from mail_telemetry.metrics.exporter import FORWARD_LIMIT
from mail_telemetry.names import Service
from mail_telemetry.tracing import SpanExport, start_tracing

_STALLED_SECONDS: Final = 60.0
"""/health reports a failure when the read loop made no step for so long."""
_WAITS_PER_QUEUE: Final = 8
"""How often the emitter checks the export queue while it fills the queue once."""
_CERTIFICATE_TIMEOUT_SECONDS: Final = 5.0
_CACHE_SECONDS: Final = 2.0
_CERTIFICATE_CACHE_SECONDS: Final = 3600.0
"""Each read of the certificate is a connection in the mail log."""
_CERTIFICATE_FAILURE_SECONDS: Final = 20.0


def run(settings: Settings) -> None:
    """Follow the log and serve /metrics until SIGTERM or SIGINT."""
    logging.configure(Service.EXPORTER, settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ledger, position = _open_ledger(settings)
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    ids = LogIdGenerator()
    with configuration.stopping():
        tracing = start_tracing(Service.SERVER, ids)
    export = tracing.export
    spans = None
    if export is not None:
        wait_for_room = partial(export.wait_for_room, stop.is_set)
        spans = SpanEmitter(tracing.provider, ids, wait_for_room, max(1, export.capacity // _WAITS_PER_QUEUE))
    with LogTail(settings.mail_log_file, position) as log:
        loop = ReadLoop(log, make_pipeline(settings, registry, ledger, spans, position), stop.wait)
        registry.register(ScrapeCollector(make_collectors(settings, loop, ledger, export)))
        try:
            server = serve(settings.exporter_port, registry, lambda: monotonic() - loop.last_step < _STALLED_SECONDS)
        except OSError as error:
            configuration.stop(f"EXPORTER_PORT: cannot listen on {settings.exporter_port}: {error.strerror}")
        logger.info("following the log", log=str(settings.mail_log_file), port=server.server_port)
        loop.run()
    server.shutdown()
    ledger.close()
    tracing.shutdown()
    logger.info("stopped")


def make_pipeline(
    settings: Settings,
    registry: CollectorRegistry,
    ledger: Ledger,
    spans: SpanEmitter | None,
    position: LogPosition | None = None,
) -> Pipeline:
    """Return a pipeline that continues at `position`, with the mails that are open in the ledger."""
    relays = RelayLabels(settings.smtp_relay_host)
    log_unknown_reply = partial(LogOnce().warn, "reply of unknown cause")
    trace_of = spans.exemplar if spans is not None else lambda _: None
    cause_of = classifier_or_stop(settings.cause_rules_file).cause
    tracker = Tracker(server=settings.server, cause_of=cause_of)
    tracker.restore(open_mails(ledger, settings.server))
    return Pipeline(
        lines=LineReader(syslog_names=settings.syslog_names),
        tracker=tracker,
        metrics=LogMetrics(registry, relays, log_unknown_reply, trace_of, cause_of),
        spans=spans,
        checkpoint=LedgerCheckpoint(ledger, str(settings.mail_log_file), relays, settings.server, position),
        delivery_log=DeliveryLog(),
    )


def make_collectors(
    settings: Settings,
    loop: ReadLoop,
    ledger: Ledger,
    export: SpanExport | None,
) -> dict[str, Collect]:
    """Return the collectors that are read at each scrape, by name."""
    queue = partial(read_queue, settings.queue_host, settings.queue_port, settings.queue_timeout_seconds)
    expiry = partial(read_expiry, settings.submission_host, settings.submission_port, _CERTIFICATE_TIMEOUT_SECONDS)
    cause_of = classifier_or_stop(settings.cause_rules_file).cause
    read_limits = limits(settings, ledger)
    found: dict[str, Collect] = {
        collectors.QUEUE: CachedCollector(lambda: queue_metrics(queue(), time(), cause_of), _CACHE_SECONDS),
        collectors.LOG: lambda: chain([gauge(FORWARD_LIMIT, settings.forward_daily_limit)], loop.log_metrics()),
        collectors.LEDGER: loop.ledger_metrics,
        collectors.VOLUMES: Volumes(volumes(settings)).metrics,
        collectors.CERTIFICATE: CachedCollector(
            lambda: certificate_metrics(expiry()), _CERTIFICATE_CACHE_SECONDS, _CERTIFICATE_FAILURE_SECONDS
        ),
        collectors.QUOTA: CachedCollector(lambda: limit_metrics(read_limits(), settings.quota_reserve), _CACHE_SECONDS),
    }
    if export is not None:
        found[collectors.TRACES] = partial(span_metrics, export)
    return found


def limits(settings: Settings, ledger: Ledger) -> Callable[[], Limits]:
    """Return a function that reads the limits; without a relay there is no quota."""
    keys = ledger.key_rooms()
    if settings.smtp_relay_host is None:
        return lambda: Limits(None, keys.read())
    quotas = ledger.relay_quota(
        settings.smtp_relay_daily_limit, settings.smtp_relay_host, settings.quota_window_seconds
    )
    return lambda: Limits(quotas.read(), keys.read())


def volumes(settings: Settings) -> dict[str, Path]:
    """Return a folder on each volume, by name."""
    found = {"log": settings.mail_log_file.parent, "spool": settings.spool_path}
    scheme, _, path = settings.ledger_url.partition(":///")
    if scheme == "sqlite" and path:
        found["ledger"] = Path(path).parent
    return found


def _open_ledger(settings: Settings) -> tuple[Ledger, LogPosition | None]:
    try:
        ledger = Ledger.open(settings.ledger_url)
        position = resume_position(ledger, settings.mail_log_file, settings.server)
    except LedgerError as error:
        is_newer = isinstance(error.__cause__, SchemaUnusable)
        hint = "" if is_newer else "; is the ledger's volume mounted and writable for this user?"
        configuration.stop(f"LEDGER_URL: {error}{hint}")
    return ledger, position
