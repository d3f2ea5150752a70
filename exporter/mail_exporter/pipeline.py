"""The way of one line: source → record → parse → tracker → metrics, spans, log, ledger. Read this file first."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from mail_exporter.book import Book
from mail_exporter.events import NOTED
from mail_exporter.facts import AttemptEnded, Fact, MailFinished
from mail_exporter.journal import Journal
from mail_exporter.metrics import LogMetrics
from mail_exporter.parse import Parser, parse_complaint
from mail_exporter.record import Origin, RecordReader
from mail_exporter.samples import Samples
from mail_exporter.source import Batch
from mail_exporter.spans import SpanEmitter
from mail_exporter.tracker import Tracker

_STORED_AT_ONCE: Final = 10_000
"""Rows in one transaction while a backlog is read; at its end, all of them."""
_KEEP_PENDING: Final = 50_000
"""Rows that may wait for a ledger which can't be written; with more of them, the log is read no further."""


class Pipeline:
    """Takes batches of lines through all stages, and stores the position once they are through.

    Args:
        records: takes the envelopes off.
        tracker: joins the lines of one mail.
        metrics: counts.
        spans: emits spans; None when they are not exported.
        book: keeps what is to be stored; None stores nothing, as in a replay.
        journal: tells attempts and ends in the log; None is silent, as in a replay.
        now: the time of reading, which gives stamps their year.
    """

    def __init__(  # noqa: PLR0913 - it wires these, and does nothing else
        self,
        *,
        records: RecordReader,
        tracker: Tracker,
        metrics: LogMetrics,
        spans: SpanEmitter | None = None,
        book: Book | None = None,
        journal: Journal | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._records = records
        self._tracker = tracker
        self._metrics = metrics
        self._spans = spans
        self._book = book
        self._journal = journal
        self._now = now
        self._told = Samples()

    @property
    def not_understood(self) -> list[str]:
        """One line of each kind that was not understood, masked."""
        return self._told.texts

    @property
    def newest_line(self) -> float:
        """The Unix time of the newest line; 0 before the first."""
        return self._metrics.last_line

    @property
    def open_mails(self) -> int:
        """How many mails are in the queue, by the log."""
        return len(self._tracker)

    @property
    def evicted_mails(self) -> int:
        """How many mails were forgotten before their end."""
        return self._tracker.evicted

    @property
    def pending_rows(self) -> int:
        """How much waits for the ledger."""
        return 0 if self._book is None else len(self._book)

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the ledger that the log must wait too."""
        return self.pending_rows > _KEEP_PENDING

    def process(self, batch: Batch) -> None:
        """Take every line of the batch in, and store what was learned once it is much; otherwise `store` does.

        Raises:
            LedgerError: nothing was stored; the next success, here or in `store`, stores this batch's facts too.
        """
        self._records.now = self._now()
        malformed = foreign = unsupported = 0
        for line in batch.lines:
            origin, text = self._records.read(line)
            if origin is None:
                malformed += 1
            elif origin.parse is None:
                foreign += 1
            elif not self._understands(text, origin, origin.parse):
                unsupported += 1
        self._metrics.count_lines(len(batch.lines), malformed=malformed, foreign=foreign, unsupported=unsupported)
        self._metrics.flush()
        self._metrics.last_line = self._records.time
        changed = self._tracker.take_changed()
        if self._book is not None:
            self._book.enter_mails(changed, batch.position)
            if len(self._book) >= _STORED_AT_ONCE:
                self._book.store()

    def store(self) -> None:
        """Store what was learned and how far the log was read, as far as it is not stored yet.

        Raises:
            LedgerError: it could not be stored now either.
        """
        if self._journal is not None:
            self._journal.close()
        if self._book is not None:
            self._book.store()

    def _understands(self, text: str, origin: Origin, parse: Parser) -> bool:
        """Take in what a line of Postfix says, and tell whether it was understood."""
        try:
            event = parse(text)
            if event is None:
                event = parse_complaint(text)
            if event is None:
                self._told.once("line not understood", text, daemon=origin.daemon)
                return False
            if event is not NOTED:
                fact = self._tracker.apply(event, self._records.time, origin)
                if fact is not None:
                    self._take(fact, origin)
        except Exception as error:  # noqa: BLE001 - a mistake of ours in one line must not stop all others
            self._told.once("line failed", text, error=repr(error))
            return False
        return True

    def _take(self, fact: Fact, origin: Origin) -> None:
        self._metrics.observe(fact, origin.entry)
        if isinstance(fact, (AttemptEnded, MailFinished)):
            if self._book is not None and isinstance(fact, AttemptEnded):
                self._book.enter_attempt(fact)
            if self._spans is not None:
                self._spans.emit(fact)
            if self._journal is not None:
                self._journal.enter(fact)
