"""Cache of a collector's metrics."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from prometheus_client.core import Metric

from mail_exporter.collectors import gauge
from mail_exporter.collectors.cached import CachedCollector
from mail_telemetry.metrics import exporter


class Source:
    """A source of metrics that records its reads.

    Args:
        failing: whether reads fail.
    """

    def __init__(self, *, failing: bool = False) -> None:
        self.failing = failing
        self.reads = 0

    def metrics(self) -> Iterator[Metric]:
        """Yield the number of reads, or fail after it."""
        self.reads += 1
        yield gauge(exporter.OPEN_MAILS, self.reads)
        if self.failing:
            raise ConnectionError("refused")


class Clock:
    """A clock that is set by the test."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


def test_metrics_are_cached() -> None:
    """Metrics are read again after their time, not earlier."""
    source, clock = Source(), Clock()
    collect = CachedCollector(source.metrics, 60, clock=clock)
    for seconds, reads in ((0, 1), (59, 1), (60, 2), (119, 2), (120, 3)):
        clock.seconds = seconds
        assert [sample.value for family in collect() for sample in family.samples] == [reads]


def test_failures_are_cached() -> None:
    """A failure is raised by each call until its own time has passed; the next read may succeed."""
    source, clock = Source(failing=True), Clock()
    collect = CachedCollector(source.metrics, 60, 20, clock)
    for seconds in (0, 10, 19):
        clock.seconds = seconds
        with pytest.raises(ConnectionError, match="refused"):
            collect()
    assert source.reads == 1
    clock.seconds = 20
    source.failing = False
    assert len(collect()) == 1
    assert source.reads == 2


@pytest.mark.parametrize("failing", [False, True], ids=["success", "failure"])
def test_scrapes_at_the_same_time(*, failing: bool) -> None:
    """Scrapes that begin while a read is in progress wait for it, and get its result."""
    source, started, finish = Source(failing=failing), Event(), Event()

    def slow() -> Iterator[Metric]:
        started.set()
        assert finish.wait(10)
        yield from source.metrics()

    collect = CachedCollector(slow, 60)
    with ThreadPoolExecutor(4) as scrapers:
        scrapes = [scrapers.submit(collect) for _ in range(4)]
        assert started.wait(10)
        finish.set()
    assert [isinstance(scrape.exception(), ConnectionError) for scrape in scrapes] == [failing] * 4
    assert source.reads == 1
