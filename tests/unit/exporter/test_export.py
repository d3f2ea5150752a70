"""Spans on their way to the collector."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from mail_exporter.export import CollectorUnavailable, SpanSender


class Collector(SpanExporter):
    """Takes spans when it is let, and says what it is told to say."""

    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.open = threading.Event()
        self.open.set()
        self.some = threading.Event()
        self.result = result
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Count them, once the door is open."""
        self.open.wait(10)
        if self.result is SpanExportResult.SUCCESS:
            self.taken += len(spans)
            self.some.set()
        return self.result

    def shutdown(self) -> None:
        """Do nothing."""


@contextmanager
def sender(collector: Collector, limit: int = 8192) -> Iterator[SpanSender]:
    """Yield a sender, and close it."""
    made = SpanSender(collector, limit)
    yield made
    collector.open.set()
    made.close()


def spans(number: int) -> list[ReadableSpan]:
    """Return so many spans."""
    return [ReadableSpan(f"span {index}") for index in range(number)]


def test_all_arrive() -> None:
    """Spans that were handed on arrive before the end."""
    collector = Collector()
    with sender(collector) as made:
        made.send(spans(3))
    assert (made.handed_on, made.dropped, collector.taken) == (3, 0, 3)


def test_lone_span_arrives() -> None:
    """A span that no other follows is sent, without waiting for the end."""
    collector = Collector()
    with sender(collector) as made:
        made.send(spans(1))
        assert collector.some.wait(10)


def test_backlog_is_paced() -> None:
    """More spans than there is room for wait for a collector that is well; none is lost."""
    collector = Collector()
    with sender(collector, limit=100) as made:
        made.send(spans(2000))
    assert (made.dropped, collector.taken) == (0, 2000)


def test_collector_that_is_down() -> None:
    """A collector that takes nothing holds nothing up: spans are dropped and counted, and it is told."""
    collector = Collector(SpanExportResult.FAILURE)
    with sender(collector, limit=100) as made:
        made.send(spans(5000))
        with pytest.raises(CollectorUnavailable):
            list(made.metrics())
    assert (made.handed_on, made.dropped) == (5000, 5000)
