"""OpenTelemetry environment variables: the supported ones, and their validation before the SDK is imported.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import re
from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from mail_telemetry.configuration import SettingsInvalid

VARIABLES: Final[Mapping[str, str]] = {
    "OTEL_SDK_DISABLED": "`true` switches tracing off.",
    "OTEL_TRACES_EXPORTER": "`none` makes spans but exports none; any other value exports by OTLP.",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "Where spans are sent by OTLP, for example `http://otel-collector:4318`. "
    "Unset: spans are not exported.",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "The same for spans alone; over HTTP the whole URL with its path.",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "`http/protobuf`, or `grpc` with an endpoint like `http://otel-collector:4317`.",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "The same for spans alone.",
    "OTEL_EXPORTER_OTLP_HEADERS": "Headers of each export request, as `name=value`, separated by commas.",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "The same for spans alone.",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "Seconds that one export may take, retries included.",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "The same for spans alone.",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "`none`, `gzip` or `deflate` (HTTP only).",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "The same for spans alone.",
    "OTEL_EXPORTER_OTLP_INSECURE": "`true`: no TLS, for a gRPC endpoint without a scheme.",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE": "The same for spans alone.",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "File with the CA certificates of the collector, as the container sees it.",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "The same for spans alone.",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "File with the client certificate.",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": "The same for spans alone.",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": "File with the key of the client certificate.",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "The same for spans alone.",
    "OTEL_RESOURCE_ATTRIBUTES": "Attributes of every span's resource, as `name=value`, separated by commas.",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "Detectors that add resource attributes, for example `process,os`.",
    "OTEL_PROPAGATORS": "Formats of trace context from callers with an API key: `tracecontext`, `baggage` or `none`.",
    "OTEL_TRACES_SAMPLER": "Which requests, and which mails that arrive without a trace, are traced.",
    "OTEL_TRACES_SAMPLER_ARG": "The sampler's argument, for example a ratio of `0.1`.",
    "OTEL_BSP_SCHEDULE_DELAY": "Milliseconds between two exports.",
    "OTEL_BSP_MAX_QUEUE_SIZE": "Spans that may wait for export; above that the oldest is dropped and counted.",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "Spans in one export request; at most the queue's size.",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "Attributes of a span, event or link.",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "Attributes of a span.",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "Attributes of an event.",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "Attributes of a link.",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "Events of a span.",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "Links of a span.",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "Characters of an attribute's value; it is cut after addresses are masked.",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "The same for the attributes of spans alone.",
}
"""The variables that mail-api and mail-exporter support, with their meanings."""

DEFAULTS: Final[Mapping[str, str]] = {
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1024",
}
"""Defaults that differ from the SDK's: a trace can be read a second after its request; values have a limit."""

WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "OTEL_BSP_EXPORT_TIMEOUT": "The Python SDK reads it and does not use it; `OTEL_EXPORTER_OTLP_TIMEOUT` limits "
    "an export.",
    "OTEL_SERVICE_NAME": "Dashboards and rules need the names `mail-api` and `mail-server`.",
    "OTEL_LOG_LEVEL": "The Python SDK does not implement it; `LOG_LEVEL` sets the level of all lines.",
    "OTEL_CONFIG_FILE": "The Python SDK reads it only under automatic instrumentation.",
}
"""Variables of the tracing specification that have no effect here, and why."""

_NUMBERS: Final = re.compile(r"OTEL_(?:BSP_\w+|\w+_LIMIT|EXPORTER_OTLP_(?:TRACES_)?(?P<seconds>TIMEOUT))")
_PROPAGATORS: Final = frozenset({"tracecontext", "baggage", "none"})
"""The propagators in opentelemetry-api; others are separate packages."""


class Protocol(StrEnum):
    """Values of OTEL_EXPORTER_OTLP_PROTOCOL; the first is the specification's default."""

    HTTP = "http/protobuf"
    GRPC = "grpc"


def prepare(environ: MutableMapping[str, str]) -> None:
    """Remove empty variables, and check the values with which the import of the SDK would fail.

    The specification treats an empty variable as unset; the Python SDK does not. Call this before the SDK's import.

    Raises:
        SettingsInvalid: a variable is not a valid number, or names a propagator that is not installed.
    """
    for name in [name for name, value in environ.items() if name.startswith("OTEL_") and not value.strip()]:
        del environ[name]
    wrong = [line for name in sorted(environ) if (line := _problem(name, environ[name].strip()))]
    if wrong:
        raise SettingsInvalid(wrong)


def _problem(name: str, value: str) -> str | None:
    """Return the problem with the value of a variable, or None."""
    if name == "OTEL_PROPAGATORS" and not {part.strip().lower() for part in value.split(",")} <= _PROPAGATORS:
        return f"{name}: {value} is not installed; set it like {name}=tracecontext,baggage"
    found = _NUMBERS.fullmatch(name)
    if found is None or value.isdecimal():
        return None
    if found["seconds"]:
        return (
            None
            if re.fullmatch(r"\d*\.\d+", value)
            else f"{name}: {value} is not a number of seconds; set it like {name}=10"
        )
    return f"{name}: {value} is not a whole number of 0 or more; set it like {name}=128"


def endpoint(environ: Mapping[str, str]) -> str | None:
    """Return the endpoint to which spans are exported, or None when they are not exported.

    The specification's default endpoint (localhost) is not used: in a container there is no collector, and every
    export would fail.
    """
    disabled = _value(environ, "OTEL_SDK_DISABLED") == "true" or _value(environ, "OTEL_TRACES_EXPORTER") == "none"
    return None if disabled else of_traces(environ, "ENDPOINT")[1]


def protocol(environ: Mapping[str, str]) -> Protocol:
    """Return the protocol of the export.

    Raises:
        SettingsInvalid: the protocol is not one of `Protocol`.
    """
    name, value = of_traces(environ, "PROTOCOL")
    try:
        return Protocol(value.lower()) if value else Protocol.HTTP
    except ValueError:
        line = (
            f"{name}: {value} is not built in; set it to {Protocol.HTTP}, and the endpoint to the collector's "
            f"port for HTTP (4318), or to {Protocol.GRPC}, and the endpoint to the one for gRPC (4317)"
        )
        raise SettingsInvalid([line]) from None


def of_traces(environ: Mapping[str, str], name: str) -> tuple[str, str | None]:
    """Return the variable that applies to traces, and its value; the variable for traces overrides the general one."""
    for variable in (f"OTEL_EXPORTER_OTLP_TRACES_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        if value := environ.get(variable, "").strip():
            return variable, value
    return f"OTEL_EXPORTER_OTLP_{name}", None


def grpc_address(endpoint: str) -> tuple[str, int]:
    """Return host and port of an endpoint for gRPC, whose default port is 443, or 80 with `http://`.

    Raises:
        ValueError: the port is invalid.
    """
    parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip().lower()
