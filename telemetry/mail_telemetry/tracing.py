"""Where spans go: a provider per service.name, exporting over OTLP/HTTP only when an endpoint is configured."""

from collections.abc import Mapping
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from mail_telemetry.names import Service
from mail_telemetry.sending import Sender

ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOL_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"
"""The one that is built in, and the standard's default."""


class ProtocolUnsupported(ValueError):
    """OTEL_EXPORTER_OTLP_PROTOCOL asks for what is not built in."""

    def __init__(self, variable: str, value: str) -> None:
        super().__init__(
            f"{variable}: {value} is not built in; set it to {PROTOCOL}, and the endpoint to the collector's port for "
            f"HTTP (4318, where gRPC is 4317)"
        )


def export_enabled(environ: Mapping[str, str]) -> bool:
    """Tell whether spans are exported: an OTLP endpoint is set, and neither the SDK nor its exporter is switched off.

    The specification's default endpoint (localhost) is deliberately not used: in a container nobody listens
    there, and every batch would end in an error.
    """
    disabled = _value(environ, "OTEL_SDK_DISABLED") == "true" or _value(environ, "OTEL_TRACES_EXPORTER") == "none"
    return not disabled and any(_value(environ, name) for name in ENDPOINT_VARIABLES)


def check_protocol(environ: Mapping[str, str]) -> None:
    """Accept the protocol that is built in, or none.

    Raises:
        ProtocolUnsupported: it is another one.
    """
    for name in PROTOCOL_VARIABLES:
        if (value := _value(environ, name)) not in ("", PROTOCOL):
            raise ProtocolUnsupported(name, value)


def span_sender(environ: Mapping[str, str]) -> Sender[ReadableSpan] | None:
    """Return what sends spans by the standard OTEL_* variables, or None when they go nowhere.

    Raises:
        ProtocolUnsupported: as it says.
    """
    if not export_enabled(environ):
        return None
    check_protocol(environ)
    return sender_of(OTLPSpanExporter())


def sender_of(exporter: SpanExporter, limit: int = 8192) -> Sender[ReadableSpan]:
    """Return what sends spans through an exporter; so many may wait."""
    return Sender(
        lambda batch: exporter.export(batch) is SpanExportResult.SUCCESS, exporter.shutdown, what="spans", limit=limit
    )


def resource(service: Service) -> Resource:
    """Return the resource of one hop; OTEL_RESOURCE_ATTRIBUTES adds to it."""
    return Resource.create({SERVICE_NAME: service.value})


def tracer_provider(service: Service, processor: SpanProcessor | None) -> TracerProvider:
    """Return a provider whose spans carry the service's name; without a processor they end in the process."""
    provider = TracerProvider(resource=resource(service))
    if processor is not None:
        provider.add_span_processor(processor)
    return provider


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip().lower()
