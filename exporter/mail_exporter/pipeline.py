"""Log pipeline: line → envelope → event → tracker → metrics, spans, delivery log, ledger. Read this file first."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from mail_exporter.delivery_log import DeliveryLog
from mail_exporter.events import NO_EVENT
from mail_exporter.ledger_checkpoint import LedgerCheckpoint
from mail_exporter.log_line import LineReader, Origin
from mail_exporter.log_once import LogOnce
from mail_exporter.log_tail import Batch
from mail_exporter.mail import AttemptEnded, MailFinished, TrackedEvent
from mail_exporter.metrics import LogMetrics
from mail_exporter.parse import Parser, parse_common
from mail_exporter.spans import SpanEmitter
from mail_exporter.tracker import Tracker

_ROWS_PER_TRANSACTION: Final = 10_000
"""While a backlog is read; at its end, all remaining rows are stored."""
_MAX_PENDING_ROWS: Final = 50_000
"""Rows that may wait while the ledger can't be written; with more of them, reading the log pauses."""


class Pipeline:
    """Processes batches of lines, and stores rows and position.

    Args:
        lines: reads the envelopes.
        tracker: joins the lines of one mail.
        metrics: counts.
        spans: emits spans; None without an export.
        checkpoint: stores rows and position; None in a replay.
        delivery_log: logs attempts and finished mails; None in a replay.
        now: returns the time of reading, from which timestamps get their year.
    """

    def __init__(  # noqa: PLR0913 - it only connects these
        self,
        *,
        lines: LineReader,
        tracker: Tracker,
        metrics: LogMetrics,
        spans: SpanEmitter | None = None,
        checkpoint: LedgerCheckpoint | None = None,
        delivery_log: DeliveryLog | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._lines = lines
        self._tracker = tracker
        self._metrics = metrics
        self._spans = spans
        self._checkpoint = checkpoint
        self._delivery_log = delivery_log
        self._now = now
        self._unknown = LogOnce()

    @property
    def not_understood(self) -> list[str]:
        """One line of each kind that was not understood, masked."""
        return self._unknown.texts

    @property
    def newest_line(self) -> float:
        """The Unix time of the newest line; 0 before the first."""
        return self._metrics.last_line

    @property
    def open_mails(self) -> int:
        """How many mails are in the queue, according to the log."""
        return len(self._tracker)

    @property
    def evicted_mails(self) -> int:
        """How many mails were removed from the tracker before their end."""
        return self._tracker.evicted

    @property
    def pending_rows(self) -> int:
        """How many rows wait for the ledger."""
        return 0 if self._checkpoint is None else len(self._checkpoint)

    @property
    def is_full(self) -> bool:
        """Whether so many rows wait for the ledger that reading must pause."""
        return self.pending_rows > _MAX_PENDING_ROWS

    def process(self, batch: Batch) -> None:
        """Process every line of the batch; store rows and position when many rows wait, otherwise `store` does it.

        Raises:
            LedgerError: the rows are not stored; the next successful call of `process` or `store` stores them.
        """
        self._lines.now = self._now()
        malformed = foreign = unsupported = 0
        for line in batch.lines:
            origin, text = self._lines.read(line)
            if origin is None:
                malformed += 1
            elif origin.parse is None:
                foreign += 1
            elif not self._process_text(text, origin, origin.parse):
                unsupported += 1
        self._metrics.count_lines(len(batch.lines), malformed=malformed, foreign=foreign, unsupported=unsupported)
        self._metrics.flush()
        self._metrics.last_line = self._lines.time
        changed = self._tracker.take_changed()
        if self._checkpoint is not None:
            self._checkpoint.add_mails(changed, batch.position)
            if len(self._checkpoint) >= _ROWS_PER_TRANSACTION:
                self._checkpoint.store()

    def store(self) -> None:
        """Store all pending rows and the position.

        Raises:
            LedgerError: the rows are not stored and stay pending.
        """
        if self._delivery_log is not None:
            self._delivery_log.flush()
        if self._checkpoint is not None:
            self._checkpoint.store()

    def _process_text(self, text: str, origin: Origin, parse: Parser) -> bool:
        """Process the text of a Postfix line, and return whether it was understood."""
        try:
            event = parse(text)
            if event is None:
                event = parse_common(text)
            if event is None:
                self._unknown.warn("line not understood", text, daemon=origin.daemon)
                return False
            if event is not NO_EVENT:
                tracked = self._tracker.apply(event, self._lines.time, origin)
                if tracked is not None:
                    self._emit(tracked, origin)
        except Exception as error:  # noqa: BLE001 - a defect that one line shows must not stop the others
            self._unknown.warn("line failed", text, error=repr(error))
            return False
        return True

    def _emit(self, event: TrackedEvent, origin: Origin) -> None:
        self._metrics.observe(event, origin.entry)
        if isinstance(event, (AttemptEnded, MailFinished)):
            if self._checkpoint is not None and isinstance(event, AttemptEnded):
                self._checkpoint.add_attempt(event)
            if self._spans is not None:
                self._spans.emit(event)
            if self._delivery_log is not None:
                self._delivery_log.write(event)
