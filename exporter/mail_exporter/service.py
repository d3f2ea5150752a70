"""`mail-exporter run`: all parts put together, until SIGTERM."""

import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from loguru import logger
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from mail_exporter import parts
from mail_exporter.book import Book
from mail_exporter.certificate import CertificateReader, read_expiry
from mail_exporter.follower import Follower
from mail_exporter.journal import Journal
from mail_exporter.metrics import LogMetrics
from mail_exporter.parts import PartReader, PartsCollector
from mail_exporter.pipeline import Pipeline
from mail_exporter.queue import QueueReader, read_queue
from mail_exporter.quota import Limits, QuotaReader
from mail_exporter.record import RecordReader
from mail_exporter.relays import Relays
from mail_exporter.restored import open_mails
from mail_exporter.resume import resume
from mail_exporter.samples import Samples
from mail_exporter.server import serve
from mail_exporter.settings import Settings
from mail_exporter.source import LogFollower
from mail_exporter.span_metrics import span_metrics
from mail_exporter.spans import LogIdGenerator, SpanEmitter
from mail_exporter.tracker import Tracker
from mail_exporter.volumes import Volumes
from mail_ledger import Ledger, LedgerError, LogPosition
from mail_telemetry import configuration, logging
from mail_telemetry.names import Service
from mail_telemetry.tracing import SpanExport, start_tracing

_STALLED_SECONDS: Final = 60.0
"""A follower that has not looked at the log for so long hangs."""
_LOOKS_PER_QUEUE: Final = 8
"""How often the export's queue is looked at while it could be filled once."""
_LOOK_SECONDS: Final = 5.0
"""How long a look at the certificate may take."""


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
        spans = SpanEmitter(tracing.provider, ids, wait_for_room, max(1, export.capacity // _LOOKS_PER_QUEUE))
    with LogFollower(settings.mail_log_file, position) as source:
        follower = Follower(source, make_pipeline(settings, registry, ledger, spans, position), stop.wait)
        registry.register(PartsCollector(part_readers(settings, follower, ledger, export)))
        try:
            server = serve(
                settings.exporter_port, registry, lambda: monotonic() - follower.last_look < _STALLED_SECONDS
            )
        except OSError as error:
            configuration.stop(f"EXPORTER_PORT: cannot listen on {settings.exporter_port}: {error.strerror}")
        logger.info("following the log", log=str(settings.mail_log_file), port=server.server_port)
        follower.run()
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
    """Return the pipeline that goes on where an earlier one stopped: at `position`, as the ledger says."""
    relays = Relays(settings.smtp_relay_host)
    unknown = partial(Samples().once, "reply of unknown cause")
    trace_of = spans.exemplar if spans is not None else lambda _: None
    tracker = Tracker(server=settings.server)
    tracker.restore(open_mails(ledger, settings.server))
    return Pipeline(
        records=RecordReader(syslog_names=settings.syslog_names),
        tracker=tracker,
        metrics=LogMetrics(registry, relays, unknown, trace_of),
        spans=spans,
        book=Book(ledger, str(settings.mail_log_file), relays, settings.server, position),
        journal=Journal(),
    )


def part_readers(
    settings: Settings, follower: Follower, ledger: Ledger, export: SpanExport | None
) -> dict[str, PartReader]:
    """Return what is read at each scrape, by part."""
    queue = partial(read_queue, settings.queue_host, settings.queue_port, settings.queue_timeout_seconds)
    expiry = partial(read_expiry, settings.submission_host, settings.submission_port, _LOOK_SECONDS)
    readers: dict[str, PartReader] = {
        parts.QUEUE: QueueReader(queue).metrics,
        parts.LOG: follower.log_metrics,
        parts.LEDGER: follower.ledger_metrics,
        parts.VOLUMES: Volumes(volumes(settings)).metrics,
        parts.CERTIFICATE: CertificateReader(expiry).metrics,
        parts.QUOTA: QuotaReader(limits(settings, ledger), settings.quota_reserve).metrics,
    }
    if export is not None:
        readers[parts.TRACES] = partial(span_metrics, export)
    return readers


def limits(settings: Settings, ledger: Ledger) -> Callable[[], Limits]:
    """Return what reads the limits; a quota is a relay's, so without a relay there is none."""
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
        position = resume(ledger, settings.mail_log_file, settings.server)
    except LedgerError as error:
        configuration.stop(f"LEDGER_URL: {error}; is the ledger's volume there and writable for this user?")
    return ledger, position
