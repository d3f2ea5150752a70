"""Counters, histograms and exemplars, as they are exposed."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from mail_exporter.metrics import CounterTable, HistogramTable
from mail_telemetry.metrics import MetricDescription
from mail_telemetry.metrics.exporter import DELIVERY_SECONDS, DELIVERY_STAGE_SECONDS
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness

COUNTER = MetricDescription("things", "counter", "Things.", ("kind", "size"))
HISTOGRAM = MetricDescription("time_seconds", "histogram", "Time.", ("stage",), (0.1, 1.0))
OTHER_ID = "4jXSt0111CzDhqX"


class Exposed(Collector):
    """Collector of one table."""

    def __init__(self, table: CounterTable | HistogramTable) -> None:
        self._table = table

    def collect(self) -> list[object]:  # type: ignore[override]
        """Return the table's family."""
        return [self._table.family()]


def registry(table: CounterTable | HistogramTable) -> CollectorRegistry:
    """Return a registry with the table."""
    made = CollectorRegistry()
    made.register(Exposed(table))
    return made


def test_every_combination_exists_from_the_start() -> None:
    """All label values are 0 at the start, so that `increase()` includes the first event."""
    table = CounterTable(COUNTER, ("a", "b"), ("x",))
    table.add("b", "x", number=2)
    read = registry(table)
    assert read.get_sample_value("things_total", {"kind": "a", "size": "x"}) == 0
    assert read.get_sample_value("things_total", {"kind": "b", "size": "x"}) == 2


def test_unknown_label_value() -> None:
    """An unknown label value raises KeyError and adds no time series."""
    table = CounterTable(COUNTER, ("a",), ("x",))
    with pytest.raises(KeyError):
        table.add("evil", "x")
    assert list(table.values) == [("a", "x")]


def test_histogram() -> None:
    """A value is counted in the bucket whose bound it does not exceed; buckets are cumulative."""
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


def exemplars(harness: PipelineHarness) -> dict[tuple[str, str], tuple[str, float]]:
    """Return trace id and value of each exemplar, by metric name and label value."""
    text = generate_latest(harness.registry).decode()  # type: ignore[no-untyped-call]  # published without types
    return {
        (family.name, next(value for name, value in sample.labels.items() if name != "le")): (
            sample.exemplar.labels["trace_id"],
            sample.exemplar.value,
        )
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # published without types
        for sample in family.samples
        if sample.exemplar
    }


def test_stages_and_total_time(harness: PipelineHarness) -> None:
    """Stages and total time of an attempt have its trace id as exemplar."""
    harness.feed(*logs.accepted(), logs.sent(delay="0.32", delays="0.1/0.02/0.3/0.1"))
    assert exemplars(harness) == {
        (DELIVERY_STAGE_SECONDS.name, "before_queue_manager"): (logs.TRACE_ID, 0.1),
        (DELIVERY_STAGE_SECONDS.name, "queue_manager"): (logs.TRACE_ID, 0.02),
        (DELIVERY_STAGE_SECONDS.name, "connection_setup"): (logs.TRACE_ID, 0.3),
        (DELIVERY_STAGE_SECONDS.name, "transmission"): (logs.TRACE_ID, 0.1),
        (DELIVERY_SECONDS.name, "sent"): (logs.TRACE_ID, 0.32),
    }


def test_slowest_of_a_batch(harness: PipelineHarness) -> None:
    """Of the attempts in one batch, the slowest one is the exemplar."""
    slow = logs.sent(OTHER_ID, delay="30", delays="0.1/0.02/20/9.9")
    harness.feed(*logs.accepted(), *logs.accepted(OTHER_ID, trace=None), logs.sent(), slow, logs.sent())
    values = {value for (name, _), (_, value) in exemplars(harness).items() if name == DELIVERY_SECONDS.name}
    assert values == {30}


@pytest.mark.parametrize("trace", ["00", "02"], ids=["not sampled", "random and not sampled"])
def test_mail_that_is_not_traced(harness: PipelineHarness, trace: str) -> None:
    """A mail that is not sampled has no exemplar."""
    harness.feed(*logs.accepted(trace=trace), logs.sent())
    assert exemplars(harness) == {}


def test_first_stage_of_a_later_attempt(harness: PipelineHarness) -> None:
    """The first stage of a retry is not counted and has no exemplar."""
    harness.feed(*logs.accepted(), logs.active(), logs.sent(delay="300", delays="300/0.02/0.3/0.1"))
    assert (DELIVERY_STAGE_SECONDS.name, "before_queue_manager") not in exemplars(harness)
