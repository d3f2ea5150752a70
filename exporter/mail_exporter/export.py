"""Spans on their way to the collector: a bounded queue, a thread that sends, and a count of what was lost.

While the collector takes spans, reading a backlog waits for it; once it does not, spans are dropped and counted, so
that a collector that is down holds nothing up.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from threading import Condition, Thread
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client.core import Metric

from mail_exporter import parts
from mail_telemetry import names

_BATCH: Final = 512
_DELAY_SECONDS: Final = 0.5
"""How long a lone span waits for company."""


class CollectorUnavailable(ConnectionError):
    """The last batch of spans was not taken."""

    def __init__(self) -> None:
        super().__init__("the collector did not take the last spans; see OTEL_EXPORTER_OTLP_ENDPOINT")


class SpanSender:
    """Sends spans in batches.

    Args:
        exporter: sends a batch and tells whether it was taken.
        limit: how many spans may wait.
    """

    def __init__(self, exporter: SpanExporter, limit: int = 8192) -> None:
        self._exporter = exporter
        self._limit = limit
        self._waiting: deque[ReadableSpan] = deque()
        self._state = Condition()
        self._closing = False
        self._is_well = True
        self.handed_on = 0
        self.dropped = 0
        self._thread = Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def send(self, spans: Iterable[ReadableSpan]) -> None:
        """Take spans: wait for room while the collector is well, drop and count them while it is not."""
        with self._state:
            is_first = not self._waiting
            for span in spans:
                if self._is_full():
                    self._state.notify_all()
                    self._state.wait_for(lambda: not (self._is_full() and self._is_well) or self._closing)
                self.handed_on += 1
                if self._is_full():
                    self.dropped += 1
                else:
                    self._waiting.append(span)
            if is_first or len(self._waiting) >= _BATCH:
                self._state.notify_all()

    def metrics(self) -> Iterator[Metric]:
        """Yield how many spans were handed on, and how many of them were lost.

        Raises:
            CollectorUnavailable: the last batch was not taken.
        """
        yield parts.counter(names.SPANS, self.handed_on)
        yield parts.counter(names.SPANS_DROPPED, self.dropped)
        if not self._is_well:
            raise CollectorUnavailable

    def close(self, timeout: float = 5.0) -> None:
        """Send what waits, for so many seconds at most."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._thread.join(timeout)
        self._exporter.shutdown()

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._limit

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                taken = self._exporter.export(batch) is SpanExportResult.SUCCESS
            except Exception:  # noqa: BLE001 - whatever it is, the next batch may be taken
                taken = False
            with self._state:
                self._is_well = taken
                self.dropped += 0 if taken else len(batch)
                self._state.notify_all()

    def _next_batch(self) -> list[ReadableSpan]:
        """Return spans, once there are some; none when the end has come."""
        with self._state:
            self._state.wait_for(lambda: self._waiting or self._closing)
            self._state.wait_for(
                lambda: len(self._waiting) >= min(_BATCH, self._limit) or self._closing, _DELAY_SECONDS
            )
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._state.notify_all()
            return batch
