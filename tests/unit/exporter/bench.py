"""A whole pipeline at hand: lines in; metrics, spans and ledger entries out."""

from datetime import UTC, datetime

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from mail_exporter import restored
from mail_exporter.book import Book
from mail_exporter.journal import Journal
from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.record import RecordReader
from mail_exporter.relays import Relays
from mail_exporter.source import Batch
from mail_exporter.spans import LogIdGenerator, SpanEmitter
from mail_exporter.tracker import Tracker
from mail_ledger import Ledger, LogPosition
from mail_telemetry.names import Service
from mail_telemetry.span_export import MaskingSpanExporter
from mail_telemetry.tracing import tracer_provider

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
LOG = "/var/log/mail/mail.log"
RELAY = "smtp.gmail.com"


class Bench:
    """A pipeline on a ledger, which it restores what is open from."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        open_mails: int = 1000,
        journal: Journal | None = None,
        spans: SpanEmitter | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.unknown: list[str] = []
        self._exporter = InMemorySpanExporter()
        ids = LogIdGenerator()
        processor = SimpleSpanProcessor(MaskingSpanExporter(self._exporter))
        spans = spans or SpanEmitter(tracer_provider(Service.SERVER, processor, ids), ids)
        self.tracker = Tracker(open_mails)
        self.tracker.restore(restored.open_mails(ledger))
        relays = Relays(RELAY)
        self.pipeline = Pipeline(
            records=RecordReader(),
            tracker=self.tracker,
            metrics=LogMetrics(self.registry, relays, self.unknown.append, spans.exemplar),
            spans=spans,
            book=Book(ledger, LOG, relays, position=ledger.position(LOG)),
            journal=journal,
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
        """All spans so far."""
        return list(self._exporter.get_finished_spans())

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value."""
        return self.registry.get_sample_value(name, labels)
