"""Description of a metric family, and its registration in a given Prometheus registry."""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

MetricKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """Description of one metric family."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def exposed(self) -> str:
        """The name in the exposition: counters end in `_total` there."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def counter(metric: MetricDescription, registry: CollectorRegistry) -> Counter:
    """Register the counter; the exposition adds `_total` to its name."""
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def gauge(metric: MetricDescription, registry: CollectorRegistry) -> Gauge:
    """Register the gauge."""
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: MetricDescription, registry: CollectorRegistry) -> Histogram:
    """Register the histogram with the buckets of its description."""
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
