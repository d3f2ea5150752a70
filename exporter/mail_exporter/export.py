"""What is told at each scrape of the spans on their way to the collector."""

from collections.abc import Iterator

from opentelemetry.sdk.trace import ReadableSpan
from prometheus_client.core import Metric

from mail_exporter import parts
from mail_telemetry import names
from mail_telemetry.sending import Sender

SpanSender = Sender[ReadableSpan]


class CollectorUnavailable(ConnectionError):
    """The last batch of spans was not taken."""

    def __init__(self) -> None:
        super().__init__("the collector did not take the last spans; see OTEL_EXPORTER_OTLP_ENDPOINT")


def span_metrics(sender: SpanSender) -> Iterator[Metric]:
    """Yield how many spans were handed on, and how many of them were lost.

    Raises:
        CollectorUnavailable: the last batch was not taken.
    """
    yield parts.counter(names.SPANS, sender.handed_on)
    yield parts.counter(names.SPANS_DROPPED, sender.dropped)
    if not sender.is_well:
        raise CollectorUnavailable
