"""Validation of OpenTelemetry variables before the SDK is imported."""

import subprocess
import sys

import pytest

from mail_telemetry.configuration import SettingsInvalid
from mail_telemetry.otel_variables import Protocol, endpoint, grpc_address, prepare, protocol


def test_empty_is_unset() -> None:
    """An empty variable is removed, as the specification treats it; other variables stay."""
    environ = {"OTEL_BSP_MAX_QUEUE_SIZE": "", "OTEL_SPAN_LINK_COUNT_LIMIT": " ", "OTEL_SDK_DISABLED": "true", "X": ""}
    prepare(environ)
    assert environ == {"OTEL_SDK_DISABLED": "true", "X": ""}


@pytest.mark.parametrize("value", ["many", "-1", "1.5", "unset"])
@pytest.mark.parametrize("name", ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_BSP_SCHEDULE_DELAY"])
def test_no_number(name: str, value: str) -> None:
    """An invalid number raises an error with the variable and a valid value."""
    with pytest.raises(SettingsInvalid) as raised:
        prepare({name: value, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "64", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"})
    assert raised.value.lines == (f"{name}: {value} is not a whole number of 0 or more; set it like {name}=128",)


def test_no_seconds() -> None:
    """An invalid time-out raises an error; the SDK would silently use its default."""
    with pytest.raises(SettingsInvalid, match="OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: soon is not a number of seconds"):
        prepare({"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "soon"})


def test_propagators() -> None:
    """A propagator that is not installed raises an error, before OpenTelemetry's import would."""
    prepare({"OTEL_PROPAGATORS": "tracecontext, baggage"})
    with pytest.raises(SettingsInvalid, match="OTEL_PROPAGATORS: b3 is not installed"):
        prepare({"OTEL_PROPAGATORS": "b3"})


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://c:4317", ("c", 4317)),
        ("c:4317", ("c", 4317)),
        ("https://c", ("c", 443)),
        ("c", ("c", 443)),
        ("http://c", ("c", 80)),
    ],
)
def test_grpc_address(endpoint: str, expected: tuple[str, int]) -> None:
    """An endpoint for gRPC can have no scheme and no port."""
    assert expected == grpc_address(endpoint)


@pytest.mark.slow
@pytest.mark.parametrize("service", ["mail_api", "mail_exporter"])
def test_service_exits_with_the_reason(service: str) -> None:
    """A service exits with 2 and one line, before the SDK's import would raise."""
    environ = {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many", "MAIL_DOMAIN": "example.org"}
    ended = subprocess.run(  # noqa: S603 - Python
        [sys.executable, "-m", service, "--help"], check=False, capture_output=True, text=True, env=environ
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: many is not a whole number")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318", id="general"),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/v1"},
            "http://t/v1",
            id="of traces",
        ),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, None, id="none"),
    ],
)
def test_endpoint(environ: dict[str, str], expected: str | None) -> None:
    """The endpoint for traces overrides the general one."""
    assert expected == endpoint(environ)


def test_protocol() -> None:
    """HTTP is the default; an unsupported protocol raises an error with variable and fix."""
    assert protocol({}) is Protocol.HTTP
    assert protocol({"OTEL_EXPORTER_OTLP_PROTOCOL": "GRPC"}) is Protocol.GRPC
    with pytest.raises(SettingsInvalid, match=r"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: http/json.*4318.*4317"):
        protocol({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
