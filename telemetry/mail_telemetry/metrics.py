"""Register the metrics that `names` describes in a given Prometheus registry."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mail_telemetry.names import Metric


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    """Register the counter; the exposition adds `_total` to its name."""
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def gauge(metric: Metric, registry: CollectorRegistry) -> Gauge:
    """Register the gauge."""
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    """Register the histogram with the buckets of its description."""
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
