"""Metrics of the span export."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from mail_exporter.collectors import counter
from mail_telemetry.metrics import exporter
from mail_telemetry.tracing import SpanExport


class CollectorUnavailable(ConnectionError):
    """The last export of spans failed."""

    def __init__(self) -> None:
        super().__init__("the last export of spans failed; see OTEL_EXPORTER_OTLP_ENDPOINT")


def span_metrics(export: SpanExport) -> Iterator[Metric]:
    """Yield how many spans were processed (exported or dropped), and how many of them were dropped.

    Raises:
        CollectorUnavailable: the last export failed.
    """
    counts = export.counts()
    yield counter(exporter.SPANS, counts.processed)
    yield counter(exporter.SPANS_DROPPED, counts.dropped)
    if not export.is_healthy:
        raise CollectorUnavailable
