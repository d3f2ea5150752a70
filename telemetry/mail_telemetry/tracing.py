"""OpenTelemetry set-up: tracer provider, batch span processor and OTLP exporter, from the OTEL_ variables."""

import logging
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from threading import Thread
from typing import Final, NamedTuple

from loguru import logger
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from mail_telemetry.configuration import SettingsInvalid
from mail_telemetry.names import Service
from mail_telemetry.otel_variables import DEFAULTS, Protocol, endpoint, protocol
from mail_telemetry.span_export import LONGEST_ADDRESS, UNLIMITED, MaskingSpanExporter, ValueLengths

_SHUTDOWN_SECONDS: Final = 5.0
_WAIT_SECONDS: Final = 0.1
# https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/
_PROCESSED: Final = "otel.sdk.processor.span.processed"
_QUEUE_SIZE: Final = "otel.sdk.processor.span.queue.size"
_QUEUE_CAPACITY: Final = "otel.sdk.processor.span.queue.capacity"


class SpanCounts(NamedTuple):
    """The number of processed and dropped spans so far."""

    processed: int
    """Exported or dropped."""
    dropped: int
    """Dropped because the queue was full or an export failed."""


class SpanExport:
    """Export of spans in batches: the SDK's batch processor over a masking exporter.

    Args:
        exporter: sends spans to the collector.
        lengths: characters that attribute values may have.

    Raises:
        ValueError: the OTEL_BSP_ variables contradict each other.
    """

    def __init__(self, exporter: SpanExporter, lengths: ValueLengths = UNLIMITED) -> None:
        os.environ["OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"] = "true"  # otherwise the processor does not count
        self._reader = InMemoryMetricReader()
        self._exporter = MaskingSpanExporter(exporter, lengths)
        self.processor = BatchSpanProcessor(
            self._exporter, meter_provider=MeterProvider([self._reader], shutdown_on_exit=False)
        )

    @property
    def is_healthy(self) -> bool:
        """Whether the last export succeeded."""
        return self._exporter.is_healthy

    def counts(self) -> SpanCounts:
        """Return the number of processed and dropped spans so far."""
        failed = self._exporter.failed_spans  # first: a span is processed before its export fails
        by_error = self._metric(_PROCESSED)
        not_queued = sum(count for error, count in by_error.items() if error)
        return SpanCounts(sum(by_error.values()), not_queued + failed)

    @property
    def capacity(self) -> int:
        """Spans that may wait for export (OTEL_BSP_MAX_QUEUE_SIZE)."""
        return self._metric(_QUEUE_CAPACITY)[""]

    def wait_for_room(self, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Wait until the queue is at most half full; return at once while exports fail, or when stopping."""
        while self._is_filling() and self.is_healthy and not is_stopping():
            self._exporter.wait_for_export(_WAIT_SECONDS)

    def _is_filling(self) -> bool:
        return self._metric(_QUEUE_SIZE)[""] > self.capacity / 2

    def _metric(self, name: str) -> dict[str, int]:
        """Return a metric of the batch processor by `error.type`, which is empty for no error."""
        data = self._reader.get_metrics_data()
        points = [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        ]
        return {str((point.attributes or {}).get("error.type", "")): int(point.value) for point in points}


class Tracing(NamedTuple):
    """A service's tracer provider, and the export of its spans."""

    provider: TracerProvider
    export: SpanExport | None
    """None when spans are not exported."""

    def shutdown(self, seconds: float = _SHUTDOWN_SECONDS) -> None:
        """Export the queued spans, for at most `seconds`."""
        # The SDK waits 30 s for a dead collector. A daemon thread ends with the process.
        thread = Thread(target=self.provider.shutdown, name="tracing-shutdown", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            logger.warning("span export did not end within {:g} s; the last spans are lost", seconds)


def start_tracing(service: Service, id_generator: IdGenerator | None = None) -> Tracing:
    """Return the tracing of a service, configured by the OTEL_ variables of this process.

    Args:
        service: the `service.name` of the spans.
        id_generator: makes trace and span ids; random ones by default.

    Raises:
        SettingsInvalid: a variable is invalid.
    """
    with _sdk_errors_as_settings_invalid(), _defaults_set(os.environ):
        limits = SpanLimits()
        lengths = ValueLengths(limits.max_span_attribute_length, limits.max_attribute_length)
        export = SpanExport(_otlp_exporter(protocol(os.environ)), lengths) if endpoint(os.environ) else None
        return Tracing(tracer_provider(service, export.processor if export else None, id_generator), export)


def tracer_provider(
    service: Service, processor: SpanProcessor | None = None, id_generator: IdGenerator | None = None
) -> TracerProvider:
    """Return a provider of spans under the service's name; OTEL_RESOURCE_ATTRIBUTES adds to their resource."""
    # It logs a line for each value that it cuts, and any caller can send long values.
    logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)
    limits = SpanLimits()
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: service.value}),
        id_generator=id_generator,
        span_limits=SpanLimits(
            max_attribute_length=_before_masking(limits.max_attribute_length),
            max_span_attribute_length=_before_masking(limits.max_span_attribute_length),
        ),
        shutdown_on_exit=False,
        meter_provider=NoOpMeterProvider(),
    )
    if processor is not None:
        provider.add_span_processor(processor)
    return provider


def _before_masking(length: int | None) -> int:
    # The exporter cuts values to their limit, after masking: an address that begins before the limit must be complete.
    return SpanLimits.UNSET if length is None else length + LONGEST_ADDRESS


def _otlp_exporter(protocol: Protocol) -> SpanExporter:
    if protocol is Protocol.GRPC:
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter  # noqa: PLC0415 - about 20 MB of memory

        return trace_exporter.OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - same reason

    return OTLPSpanExporter()


@contextmanager
def _defaults_set(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Set the defaults that differ from the SDK's, while the SDK reads its variables."""
    added = {name: value for name, value in DEFAULTS.items() if name not in environ}
    environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del environ[name]


@contextmanager
def _sdk_errors_as_settings_invalid() -> Iterator[None]:
    try:
        yield
    except SettingsInvalid:
        raise
    except Exception as error:  # the SDK's and gRPC's own types
        raise SettingsInvalid([f"OTEL_ variables: {error}; see docs/environment-variables.md"]) from error
