"""Where spans go: a provider per service.name, exporting over OTLP/HTTP only when an endpoint is configured."""

from collections.abc import Mapping
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from mail_telemetry.names import Service

ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def export_enabled(environ: Mapping[str, str]) -> bool:
    """Tell whether spans are exported: an OTLP endpoint is set and OTEL_SDK_DISABLED is not true.

    The specification's default endpoint (localhost) is deliberately not used: in a container nobody listens
    there, and every batch would end in an error.
    """
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not disabled and any(environ.get(name, "").strip() for name in ENDPOINT_VARIABLES)


def span_processor(environ: Mapping[str, str]) -> SpanProcessor | None:
    """Return a batching OTLP/HTTP processor (bounded queue, standard OTEL_* variables), or None when disabled."""
    return BatchSpanProcessor(OTLPSpanExporter()) if export_enabled(environ) else None


def resource(service: Service) -> Resource:
    """Return the resource of one hop; OTEL_RESOURCE_ATTRIBUTES adds to it."""
    return Resource.create({SERVICE_NAME: service.value})


def tracer_provider(service: Service, processor: SpanProcessor | None) -> TracerProvider:
    """Return a provider whose spans carry the service's name; without a processor they end in the process."""
    provider = TracerProvider(resource=resource(service))
    if processor is not None:
        provider.add_span_processor(processor)
    return provider
