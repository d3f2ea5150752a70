"""Read loop: reads log batches, processes them and stores the results, until the exporter is stopped."""

from collections.abc import Callable, Iterator
from time import monotonic, time
from typing import Final

from prometheus_client.core import Metric

from mail_exporter import collectors
from mail_exporter.log_tail import Batch, LogTail
from mail_exporter.pipeline import Pipeline
from mail_ledger import LedgerError
from mail_telemetry.metrics import exporter

_POLL_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 5.0


class ReadLoop:
    """Reads, processes and stores; keeps current errors of log and ledger for the next scrape.

    Args:
        log: the log.
        pipeline: processes the lines.
        wait: waits that many seconds and returns whether to stop, as `threading.Event.wait` does.
        clock: returns the current Unix time.
    """

    def __init__(
        self,
        log: LogTail,
        pipeline: Pipeline,
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time,
    ) -> None:
        self._log = log
        self._pipeline = pipeline
        self._wait = wait
        self._clock = clock
        self._errors: dict[str, Exception] = {}
        self.last_step = monotonic()
        """When the last step began, on the monotonic clock."""

    def run(self) -> None:
        """Process the log until `wait` returns True."""
        pause = 0.0
        while not self._wait(pause):
            self.last_step = monotonic()
            pause = self.step()

    def step(self) -> float:
        """Process one batch, and return how many seconds to wait before the next step."""
        batch = None if self._pipeline.is_full else self._read()
        try:
            if batch is not None:
                self._pipeline.process(batch)
            else:
                self._pipeline.store()
        except LedgerError as error:
            self._errors[collectors.LEDGER] = error
        else:
            self._errors.pop(collectors.LEDGER, None)
        if batch is not None:
            return 0.0
        return _RETRY_SECONDS if self._errors else _POLL_SECONDS

    def _read(self) -> Batch | None:
        try:
            batch = self._log.read()
        except OSError as error:
            self._errors[collectors.LOG] = error
            return None
        self._errors.pop(collectors.LOG, None)
        return batch

    def log_metrics(self) -> Iterator[Metric]:
        """Yield the metrics of reading the log.

        Raises:
            OSError: the last read of the log failed.
        """
        unread = self._log.unread_bytes
        position = self._log.position
        newest = self._pipeline.newest_line
        yield collectors.gauge(exporter.LOG_UNREAD_BYTES, unread)
        yield collectors.gauge(exporter.LOG_POSITION_BYTES, position.offset if position else 0)
        yield collectors.gauge(exporter.LOG_LAST_LINE_TIMESTAMP_SECONDS, newest)
        yield collectors.gauge(exporter.LOG_LAG_SECONDS, max(0.0, self._clock() - newest) if unread and newest else 0)
        yield collectors.counter(exporter.LOG_GAPS, self._log.gaps)
        yield collectors.gauge(exporter.OPEN_MAILS, self._pipeline.open_mails)
        yield collectors.counter(exporter.EVICTED_MAILS, self._pipeline.evicted_mails)
        if collectors.LOG in self._errors:
            raise self._errors[collectors.LOG]

    def ledger_metrics(self) -> Iterator[Metric]:
        """Yield how many rows wait for the ledger.

        Raises:
            LedgerError: the last write to the ledger failed.
        """
        yield collectors.gauge(exporter.LEDGER_PENDING_ROWS, self._pipeline.pending_rows)
        if collectors.LEDGER in self._errors:
            raise self._errors[collectors.LEDGER]
