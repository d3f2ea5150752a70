"""Where spans go: a provider per service.name, exporting over OTLP only when an endpoint is configured."""

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from mail_telemetry.encoding import encode
from mail_telemetry.names import Service
from mail_telemetry.otlp import Protocol, Signal, protocol_of, variables_read
from mail_telemetry.recording import RecordingProvider
from mail_telemetry.sending import Sender

ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def export_enabled(environ: Mapping[str, str]) -> bool:
    """Tell whether spans are exported: an OTLP endpoint is set, and neither the SDK nor its exporter is switched off.

    The specification's default endpoint (localhost) is deliberately not used: in a container nobody listens
    there, and every batch would end in an error.
    """
    disabled = _value(environ, "OTEL_SDK_DISABLED") == "true" or _value(environ, "OTEL_TRACES_EXPORTER") == "none"
    return not disabled and any(_value(environ, name) for name in ENDPOINT_VARIABLES)


def span_sender(environ: Mapping[str, str]) -> Sender[ReadableSpan] | None:
    """Return what sends spans by the standard OTEL_* variables, or None when they go nowhere.

    Raises:
        SettingsInvalid: one of them can't be used.
    """
    if not export_enabled(environ):
        return None
    protocol = protocol_of(environ, Signal.TRACES)
    with variables_read():
        exporter = _exporter(protocol)
    return sender_of(exporter)


def _exporter(protocol: Protocol) -> SpanExporter:
    if protocol is Protocol.GRPC:
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter  # noqa: PLC0415 - 25 MB for who chose it

        return trace_exporter.OTLPSpanExporter()
    return _QuickSpanExporter()


class _QuickSpanExporter(OTLPSpanExporter):
    """The SDK's exporter over HTTP with an encoder of ours: its variables, compression, retries and words.

    Without its own metrics and its limit of 64 MiB, which a batch of ours is far from.
    """

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans, and tell whether they were taken."""
        sent = self._client.export(encode(spans))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


def sender_of(exporter: SpanExporter, limit: int = 8192, delay_seconds: float = 0.5) -> Sender[ReadableSpan]:
    """Return what sends spans through an exporter; so many may wait, a lone one so long."""
    return Sender(
        lambda batch: exporter.export(batch) is SpanExportResult.SUCCESS,
        exporter.shutdown,
        what="spans",
        limit=limit,
        delay_seconds=delay_seconds,
    )


def resource(service: Service) -> Resource:
    """Return the resource of one hop; OTEL_RESOURCE_ATTRIBUTES adds to it."""
    return Resource.create({SERVICE_NAME: service.value})


def tracer_provider(service: Service, processor: SpanProcessor | None) -> TracerProvider:
    """Return a provider whose spans carry the service's name; without a processor they end in the process."""
    return RecordingProvider(resource(service), processor)


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip().lower()
