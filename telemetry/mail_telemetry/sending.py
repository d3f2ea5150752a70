"""Telemetry on its way to the collector: a bounded queue, a thread that sends, and a count of what was lost.

A collector that is down, slow or refusing costs mail nothing: what finds no room is dropped and counted, and the log
has one line when that begins and one when it is over, whatever the libraries below would say at each try.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from threading import Condition, RLock, Thread
from typing import Final, Generic, TypeVar

from loguru import logger
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

_BATCH: Final = 512
_EXPORTERS_LOG: Final = "opentelemetry.exporter.otlp"

T = TypeVar("T")


class Sender(Generic[T]):
    """Sends spans, or log records, in batches.

    Args:
        export: sends a batch and tells whether it was taken.
        shutdown: is called at the end.
        what: what is sent, for the log.
        limit: how many may wait.
        delay_seconds: how long a lone one waits for company.
    """

    def __init__(
        self,
        export: Callable[[Sequence[T]], bool],
        shutdown: Callable[[], None],
        what: str = "spans",
        limit: int = 8192,
        delay_seconds: float = 0.5,
    ) -> None:
        self._export = export
        self._shutdown = shutdown
        self._what = what
        self._limit = limit
        self._delay_seconds = delay_seconds
        self._waiting: deque[T] = deque()
        self._lock = RLock()
        self._state = Condition(self._lock)
        self._closing = False
        self._last_words = last_words()
        self.is_well = True
        """Whether the collector took the last batch."""
        self.handed_on = 0
        self.dropped = 0
        self._thread = Thread(target=self._run, name=what, daemon=True)
        self._thread.start()

    def send(self, items: Iterable[T]) -> None:
        """Take items: wait for room while the collector is well, drop and count them while it is not."""
        with self._state:
            is_first = not self._waiting
            for item in items:
                if self._is_full():
                    self._state.notify_all()
                    self._state.wait_for(lambda: not (self._is_full() and self.is_well) or self._closing)
                self._keep(item)
            if is_first or len(self._waiting) >= _BATCH:
                self._state.notify_all()

    def offer(self, item: T) -> None:
        """Take an item without ever waiting: where there is no room, drop and count it."""
        with self._lock:  # a Condition enters it by a method of Python's
            self._keep(item)
            if len(self._waiting) in (1, _BATCH):
                self._state.notify_all()

    def close(self, timeout: float = 5.0) -> None:
        """Send what waits, for so many seconds at most."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._thread.join(timeout)
        self._shutdown()

    def _keep(self, item: T) -> None:
        self.handed_on += 1
        if self._is_full():
            self.dropped += 1
        else:
            self._waiting.append(item)

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._limit

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                taken = self._export(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next batch may be taken
                taken = False
                self._last_words.text = repr(error)
            with self._state:
                turned, self.is_well = taken is not self.is_well, taken
                self.dropped += 0 if taken else len(batch)
                self._state.notify_all()
            if turned:
                self._tell()

    def _tell(self) -> None:
        if self.is_well:
            logger.info("the collector takes {} again", self._what, dropped=self.dropped)
        else:
            why = self._last_words.text
            logger.warning("the collector takes no {}; they are dropped and counted", self._what, why=why)

    def _next_batch(self) -> list[T]:
        """Return items, once there are some; none when the end has come."""
        with self._state:
            self._state.wait_for(lambda: self._waiting or self._closing)
            self._state.wait_for(
                lambda: len(self._waiting) >= min(_BATCH, self._limit) or self._closing, self._delay_seconds
            )
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._state.notify_all()
            return batch


class QueuedSpans(SpanProcessor):
    """Hands finished spans to a sender; the request that they are about never waits for it."""

    def __init__(self, sender: Sender[ReadableSpan]) -> None:
        self._sender = sender

    def on_end(self, span: ReadableSpan) -> None:
        """Take the span if it is sampled."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._sender.offer(span)

    def shutdown(self) -> None:
        """Send what waits."""
        self._sender.close()


class LastWords(logging.Handler):
    """Keeps the last line of a library that would write one at every try; the sender tells it once."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.text = record.getMessage()


def last_words() -> LastWords:
    """Return what the OTLP exporters say, which from now on they say nowhere else."""
    exporters = logging.getLogger(_EXPORTERS_LOG)
    exporters.propagate = False
    known = [handler for handler in exporters.handlers if isinstance(handler, LastWords)]
    if not known:
        known = [LastWords()]
        exporters.addHandler(known[0])
    return known[0]
