"""Counters and histograms as plain numbers: cheap to count, and read only when somebody scrapes.

A table has all its label values from the start and never gets another, so that no log, however hostile, can make
a time series.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import product

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from mail_telemetry.names import Metric

Labels = tuple[str, ...]


class CounterTable:
    """A counter for each combination of the labels' values."""

    def __init__(self, metric: Metric, *vocabularies: Iterable[str]) -> None:
        self._metric = metric
        self.values: dict[Labels, int] = {tuple(map(str, labels)): 0 for labels in product(*map(list, vocabularies))}

    def add(self, *labels: str, number: int = 1) -> None:
        """Count.

        Raises:
            KeyError: a label value is not in its vocabulary.
        """
        self.values[labels] += number

    def family(self) -> CounterMetricFamily:
        """Return what Prometheus is told."""
        family = CounterMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


class Buckets:
    """One histogram."""

    __slots__ = ("bounds", "counts", "exemplars", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.exemplars: list[Exemplar | None] = [None] * (len(bounds) + 1)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value into its bucket."""
        # Not bisect_left: where this is compiled, calling it takes longer than comparing with all of them.
        index = 0
        for bound in self.bounds:
            if value <= bound:
                break
            index += 1
        self.counts[index] += 1
        self.total += value

    def point(self, value: float, trace_id: str, timestamp: float) -> None:
        """Let the value's bucket name a trace."""
        self.exemplars[bisect_left(self.bounds, value)] = Exemplar({"trace_id": trace_id}, value, timestamp)


class HistogramTable:
    """A histogram for each value of one label, or a single one without labels."""

    def __init__(self, metric: Metric, vocabulary: Iterable[str] = ()) -> None:
        self._metric = metric
        self._names = (*map(floatToGoString, metric.buckets), "+Inf")
        values: list[Labels] = [(str(value),) for value in vocabulary] or [()]
        self.values: dict[Labels, Buckets] = {labels: Buckets(metric.buckets) for labels in values}

    def __getitem__(self, label: str) -> Buckets:
        return self.values[(label,)]

    def family(self) -> HistogramMetricFamily:
        """Return what Prometheus is told."""
        family = HistogramMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for labels, buckets in self.values.items():
            counts = list(buckets.counts)
            below = [
                (name, sum(counts[: index + 1]), exemplar)
                for index, (name, exemplar) in enumerate(zip(self._names, buckets.exemplars, strict=True))
            ]
            family.add_metric(labels, below, buckets.total)  # type: ignore[arg-type]  # takes None for an exemplar
        return family
