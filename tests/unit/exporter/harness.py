"""A whole pipeline for tests: log lines in; metrics, spans and ledger rows out."""

from datetime import UTC, datetime

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from mail_exporter.delivery_agents import RelayLabels
from mail_exporter.delivery_log import DeliveryLog
from mail_exporter.ledger_checkpoint import LedgerCheckpoint
from mail_exporter.log_line import LineReader
from mail_exporter.log_tail import Batch
from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.spans import LogIdGenerator, SpanEmitter
from mail_exporter.tracker import Tracker, open_mails
from mail_ledger import Ledger, LogPosition
from mail_telemetry.names import Service
from mail_telemetry.span_export import MaskingSpanExporter
from mail_telemetry.tracing import tracer_provider

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
LOG = "/var/log/mail/mail.log"
RELAY = "smtp.gmail.com"


class PipelineHarness:
    """A pipeline on a ledger, with the mails that are open in it."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        max_open_mails: int = 1000,
        delivery_log: DeliveryLog | None = None,
        spans: SpanEmitter | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.unknown: list[str] = []
        self._exporter = InMemorySpanExporter()
        ids = LogIdGenerator()
        processor = SimpleSpanProcessor(MaskingSpanExporter(self._exporter))
        spans = spans or SpanEmitter(tracer_provider(Service.SERVER, processor, ids), ids)
        self.tracker = Tracker(max_open_mails)
        self.tracker.restore(open_mails(ledger))
        relays = RelayLabels(RELAY)
        self.pipeline = Pipeline(
            lines=LineReader(),
            tracker=self.tracker,
            metrics=LogMetrics(self.registry, relays, self.unknown.append, spans.exemplar),
            spans=spans,
            checkpoint=LedgerCheckpoint(ledger, LOG, relays, position=ledger.position(LOG)),
            delivery_log=delivery_log,
            now=lambda: NOW,
        )
        self.lines = 0

    def feed(self, *lines: str) -> None:
        """Process the lines as one batch and store it; the position counts lines."""
        self.lines += len(lines)
        self.pipeline.process(Batch(list(lines), LogPosition(0, "", self.lines)))
        self.pipeline.store()

    @property
    def spans(self) -> list[ReadableSpan]:
        """Return all spans so far."""
        return list(self._exporter.get_finished_spans())

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value."""
        return self.registry.get_sample_value(name, labels)
