"""Feeds the pipeline from the log until it is told to stop; what goes wrong is told at the next scrape."""

from collections.abc import Callable, Iterator
from time import monotonic, time
from typing import Final

from prometheus_client.core import Metric

from mail_exporter import parts
from mail_exporter.pipeline import Pipeline
from mail_exporter.source import Batch, LogFollower
from mail_ledger import LedgerError
from mail_telemetry import names

_POLL_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 5.0


class Follower:
    """Reads, processes, stores, and remembers what is wrong meanwhile.

    Args:
        source: the log.
        pipeline: what its lines go through.
        wait: waits that many seconds and tells whether to stop, as `threading.Event.wait` does.
        clock: Unix time now.
    """

    def __init__(
        self,
        source: LogFollower,
        pipeline: Pipeline,
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time,
    ) -> None:
        self._source = source
        self._pipeline = pipeline
        self._wait = wait
        self._clock = clock
        self._problems: dict[str, Exception] = {}
        self.last_look = monotonic()
        """When the log was last looked at, on the monotonic clock."""

    def run(self) -> None:
        """Process what the log has and will have; return when told to stop."""
        pause = 0.0
        while not self._wait(pause):
            self.last_look = monotonic()
            pause = self.step()

    def step(self) -> float:
        """Take one batch through, and return how many seconds to wait before the next."""
        batch = None if self._pipeline.is_full else self._read()
        try:
            if batch is not None:
                self._pipeline.process(batch)
            else:
                self._pipeline.store()
        except LedgerError as error:
            self._problems[parts.LEDGER] = error
        else:
            self._problems.pop(parts.LEDGER, None)
        if batch is not None:
            return 0.0
        return _RETRY_SECONDS if self._problems else _POLL_SECONDS

    def _read(self) -> Batch | None:
        try:
            batch = self._source.read()
        except OSError as error:
            self._problems[parts.LOG] = error
            return None
        self._problems.pop(parts.LOG, None)
        return batch

    def log_metrics(self) -> Iterator[Metric]:
        """Yield how far the log was read.

        Raises:
            OSError: it could not be read when it was last looked at.
        """
        unread = self._source.unread_bytes
        position = self._source.position
        newest = self._pipeline.newest_line
        yield parts.gauge(names.LOG_UNREAD_BYTES, unread)
        yield parts.gauge(names.LOG_POSITION_BYTES, position.offset if position else 0)
        yield parts.gauge(names.LOG_LAST_LINE_TIMESTAMP_SECONDS, newest)
        yield parts.gauge(names.LOG_LAG_SECONDS, max(0.0, self._clock() - newest) if unread and newest else 0)
        yield parts.counter(names.LOG_GAPS, self._source.gaps)
        yield parts.gauge(names.OPEN_MAILS, self._pipeline.open_mails)
        yield parts.counter(names.EVICTED_MAILS, self._pipeline.evicted_mails)
        if parts.LOG in self._problems:
            raise self._problems[parts.LOG]

    def ledger_metrics(self) -> Iterator[Metric]:
        """Yield how much waits for the ledger.

        Raises:
            LedgerError: it could not be written when that was last tried.
        """
        yield parts.gauge(names.LEDGER_PENDING_ROWS, self._pipeline.pending_rows)
        if parts.LEDGER in self._problems:
            raise self._problems[parts.LEDGER]
