"""A whole pipeline at hand: lines in; metrics, spans and ledger entries out."""

from collections.abc import Iterable
from datetime import UTC, datetime

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from prometheus_client import CollectorRegistry

from mail_exporter import restored
from mail_exporter.book import Book
from mail_exporter.journal import Journal
from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.record import RecordReader
from mail_exporter.relays import Relays
from mail_exporter.source import Batch
from mail_exporter.tracing import SpanFactory
from mail_exporter.tracker import Tracker
from mail_ledger import Ledger, LogPosition

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
LOG = "/var/log/mail/mail.log"
RELAY = "smtp.gmail.com"


class Spans:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.all: list[ReadableSpan] = []

    def send(self, spans: Iterable[ReadableSpan]) -> None:
        """Keep them."""
        self.all += spans


class Bench:
    """A pipeline on a ledger, which it restores what is open from."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        open_mails: int = 1000,
        factory: SpanFactory | None = None,
        spans: Spans | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.unknown: list[str] = []
        self.exported = spans or Spans()
        self.tracker = Tracker(open_mails)
        self.tracker.restore(restored.open_mails(ledger))
        relays = Relays(RELAY)
        made = factory or SpanFactory(Resource({"service.name": "mail-server"}))
        self.pipeline = Pipeline(
            records=RecordReader(),
            tracker=self.tracker,
            metrics=LogMetrics(self.registry, relays, self.unknown.append, made.exemplar),
            spans=(made, self.exported),
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
        return self.exported.all

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value."""
        return self.registry.get_sample_value(name, labels)
