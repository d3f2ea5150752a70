"""Spans on their way to the collector."""

import io
import json
import logging as stdlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from loguru import logger
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from mail_exporter.export import CollectorUnavailable, span_metrics
from mail_telemetry import logging, tracing
from mail_telemetry.names import Service
from mail_telemetry.sending import QueuedSpans, Sender

RESOURCE = Resource.get_empty()
"""One for all; a span that is given none looks for one in the environment."""


class Collector(SpanExporter):
    """Takes spans when it is let, and says what it is told to say."""

    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.open = threading.Event()
        self.open.set()
        self.some = threading.Event()
        self.result = result
        self.asked = 0
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Count them, once the door is open."""
        self.open.wait(10)
        self.asked += 1
        if self.result is SpanExportResult.SUCCESS:
            self.taken += len(spans)
        else:  # as the real one does, at every try
            stdlib.getLogger("opentelemetry.exporter.otlp.proto.http").error("Failed to export, reason: no route")
        self.some.set()
        return self.result

    def shutdown(self) -> None:
        """Do nothing."""


@contextmanager
def sender(collector: Collector, limit: int = 8192) -> Iterator[Sender[ReadableSpan]]:
    """Yield a sender, and close it."""
    made = tracing.sender_of(collector, limit, delay_seconds=0.01)
    yield made
    collector.open.set()
    made.close()


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What the process logs."""
    stream = io.StringIO()
    logging.configure(Service.EXPORTER, stream=stream)
    yield stream
    logger.remove()


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    """Return what was logged."""
    return [json.loads(line) for line in output.getvalue().splitlines()]


def spans(number: int) -> list[ReadableSpan]:
    """Return so many spans."""
    return [ReadableSpan(f"span {index}", resource=RESOURCE) for index in range(number)]


def test_all_arrive() -> None:
    """Spans that were handed on arrive before the end."""
    collector = Collector()
    with sender(collector) as made:
        made.send(spans(3))
    assert (made.handed_on, made.dropped, collector.taken) == (3, 0, 3)


@pytest.mark.parametrize("never_waits", [False, True], ids=["send", "offer"])
def test_lone_span_arrives(*, never_waits: bool) -> None:
    """A span that no other follows is sent, without waiting for the end."""
    collector = Collector()
    with sender(collector) as made:
        if never_waits:
            made.offer(ReadableSpan("lone"))
        else:
            made.send(spans(1))
        assert collector.some.wait(10)


def test_backlog_is_paced() -> None:
    """More spans than there is room for wait for a collector that is well; none is lost."""
    collector = Collector()
    with sender(collector, limit=100) as made:
        made.send(spans(2000))
    assert (made.dropped, collector.taken) == (0, 2000)


def test_collector_that_is_down(output: io.StringIO) -> None:
    """A collector that takes nothing holds nothing up: spans are dropped and counted, and it is told once."""
    collector = Collector(SpanExportResult.FAILURE)
    with sender(collector, limit=100) as made:
        made.send(spans(5000))
        with pytest.raises(CollectorUnavailable):
            list(span_metrics(made))
    assert (made.handed_on, made.dropped) == (5000, 5000)
    assert collector.asked > 1
    (line,) = lines(output)
    assert (line["level"], line["why"]) == ("warning", "Failed to export, reason: no route")


def test_collector_that_is_back(output: io.StringIO) -> None:
    """A collector that takes spans again is told once too, with how many were lost."""
    collector = Collector(SpanExportResult.FAILURE)
    with sender(collector) as made:
        made.send(spans(1))
        assert collector.some.wait(10)
        collector.some.clear()
        collector.result = SpanExportResult.SUCCESS
        made.send(spans(2))
        assert collector.some.wait(10)
    assert [(line["level"], line.get("dropped")) for line in lines(output)] == [("warning", None), ("info", 1)]
    assert made.is_well


def test_slow_collector_holds_no_request_up() -> None:
    """Spans of requests never wait: while the collector takes its time, what finds no room is dropped and counted."""
    collector = Collector()
    collector.open.clear()
    with sender(collector, limit=100) as made:
        provider = tracing.tracer_provider(Service.API, QueuedSpans(made))
        for _ in range(5000):
            provider.get_tracer("test").start_span("request").end()
        assert made.handed_on == 5000
        assert made.dropped >= 5000 - 100 - 512
    assert collector.taken == 5000 - made.dropped
