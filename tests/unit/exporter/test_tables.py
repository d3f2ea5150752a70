"""Numbers and what Prometheus is told of them."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from mail_exporter.tables import CounterTable, HistogramTable
from mail_telemetry.names import Metric

COUNTER = Metric("things", "counter", "Things.", ("kind", "size"))
HISTOGRAM = Metric("time_seconds", "histogram", "Time.", ("stage",), (0.1, 1.0))


class Told(Collector):
    """Exposes one table."""

    def __init__(self, table: CounterTable | HistogramTable) -> None:
        self._table = table

    def collect(self) -> list[object]:  # type: ignore[override]
        """Return its family."""
        return [self._table.family()]


def registry(table: CounterTable | HistogramTable) -> CollectorRegistry:
    """Return a registry that reads the table."""
    made = CollectorRegistry()
    made.register(Told(table))
    return made


def test_every_combination_is_there_from_the_start() -> None:
    """All label values are 0 at first, so that `increase()` sees the first event."""
    table = CounterTable(COUNTER, ("a", "b"), ("x",))
    table.add("b", "x", number=2)
    read = registry(table)
    assert read.get_sample_value("things_total", {"kind": "a", "size": "x"}) == 0
    assert read.get_sample_value("things_total", {"kind": "b", "size": "x"}) == 2


def test_no_other_combination_can_be() -> None:
    """A value outside the vocabulary is an error, not a time series."""
    table = CounterTable(COUNTER, ("a",), ("x",))
    with pytest.raises(KeyError):
        table.add("evil", "x")
    assert list(table.values) == [("a", "x")]


def test_histogram() -> None:
    """Values fall into the bucket whose bound they do not exceed; buckets add up."""
    table = HistogramTable(HISTOGRAM, ("s",))
    table["s"].observe(0.1)
    for value in (0.5, 0.5, 7.0):
        table["s"].observe(value)
    read = registry(table)
    counts = {
        le: read.get_sample_value("time_seconds_bucket", {"stage": "s", "le": le}) for le in ("0.1", "1.0", "+Inf")
    }
    assert counts == {"0.1": 1, "1.0": 3, "+Inf": 4}
    assert read.get_sample_value("time_seconds_count", {"stage": "s"}) == 4
    assert read.get_sample_value("time_seconds_sum", {"stage": "s"}) == pytest.approx(8.1)
