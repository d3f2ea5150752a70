"""The way of one line: source → record → parse → tracker → metrics, spans, ledger. Read this file first."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from loguru import logger
from opentelemetry.sdk.trace import SpanProcessor

from mail_exporter import parts
from mail_exporter.metrics import LogMetrics
from mail_exporter.parse import parse
from mail_exporter.record import Foreign, LogRecord, RecordParser
from mail_exporter.source import Batch, LogFollower
from mail_exporter.tracing import SpanFactory
from mail_exporter.tracker import AttemptEnded, Tracker
from mail_ledger import Ledger, LedgerError

_POLL_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 5.0


class Pipeline:
    """Takes batches of lines through all stages, and stores the position once they are through.

    Args:
        log: the log's path, under which the position is stored.
        ledger: keeps the position and the open mails.
        metrics: counts.
        span_factory: makes spans.
        span_processor: takes finished spans; None when nobody wants them.
        now: the time of reading, which gives stamps their year.
    """

    def __init__(  # noqa: PLR0913 - it wires these six, and does nothing else
        self,
        *,
        log: str,
        ledger: Ledger,
        metrics: LogMetrics,
        span_factory: SpanFactory,
        span_processor: SpanProcessor | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._metrics = metrics
        self._span_factory = span_factory
        self._span_processor = span_processor
        self._now = now
        self._records = RecordParser()
        self._tracker = Tracker()
        self._tracker.restore(ledger.open_mails())

    def process(self, batch: Batch) -> None:
        """Take every line of the batch in and store how far the log was read.

        Raises:
            LedgerError: nothing was stored; the next batch's success stores this one's facts too.
        """
        now = self._now()
        for line in batch.lines:
            self._process_line(line.decode("utf-8", "surrogateescape"), now)
        changed, closed = self._tracker.changes()
        self._ledger.checkpoint(log=self._log, position=batch.position, changed=changed, closed=closed)
        self._tracker.changes_stored()

    def _process_line(self, line: str, now: datetime) -> None:
        record = self._records.parse(line, now)
        if not isinstance(record, LogRecord):
            self._metrics.count_line("foreign" if isinstance(record, Foreign) else "malformed")
            return
        event = parse(record)
        if event is None:
            self._metrics.count_line("unsupported", record.time)
            logger.debug("line not understood", daemon=record.daemon)
            return
        self._metrics.count_line("parsed", record.time)
        fact = self._tracker.apply(event, time=record.time, host=record.host, daemon=record.daemon)
        if fact is not None:
            self._metrics.observe(fact)
        if isinstance(fact, AttemptEnded) and self._span_processor is not None:
            self._trace(fact, self._span_processor)

    def _trace(self, fact: AttemptEnded, processor: SpanProcessor) -> None:
        spans = list(self._span_factory.spans(fact))
        for span in spans:
            processor.on_end(span)
        self._metrics.count_spans(len(spans))


class Follower:
    """Feeds the pipeline until it is told to stop, and remembers what is wrong meanwhile.

    Args:
        source: the log.
        pipeline: what its lines go through.
        wait: waits that many seconds and tells whether to stop, as `threading.Event.wait` does.
    """

    def __init__(self, source: LogFollower, pipeline: Pipeline, wait: Callable[[float], bool]) -> None:
        self._source = source
        self._pipeline = pipeline
        self._wait = wait
        self._problems: dict[str, Exception] = {}
        self.last_look = monotonic()
        """When the log was last looked at, on the monotonic clock."""

    def run(self) -> None:
        """Process what the log has and will have; return when told to stop."""
        while not self._wait(0):
            self.last_look = monotonic()
            try:
                batch = self._source.read()
            except OSError as error:
                self._problems[parts.LOG] = error
                self._wait(_RETRY_SECONDS)
                continue
            self._problems.pop(parts.LOG, None)
            if batch is None:
                self._wait(_POLL_SECONDS)
            else:
                self._process(batch)

    def check(self, part: str) -> tuple[()]:
        """Return no metrics when the part (`log` or `ledger`) is well.

        Raises:
            Exception: what went wrong last.
        """
        if part in self._problems:
            raise self._problems[part]
        return ()

    def _process(self, batch: Batch) -> None:
        try:
            self._pipeline.process(batch)
        except LedgerError as error:
            self._problems[parts.LEDGER] = error
        else:
            self._problems.pop(parts.LEDGER, None)
