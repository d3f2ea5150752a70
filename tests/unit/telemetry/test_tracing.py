"""Export of spans: OTEL_ variables, batches, and outages of the collector."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loguru import logger
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from mail_exporter.collectors.span_export import CollectorUnavailable, span_metrics
from mail_telemetry import logging
from mail_telemetry.configuration import SettingsInvalid
from mail_telemetry.names import Service
from mail_telemetry.otel_variables import Protocol
from mail_telemetry.tracing import SpanCounts, SpanExport, Tracing, start_tracing
from tests.unit.telemetry.grpc_collector import GrpcCollector
from tests.unit.telemetry.http_collector import HttpCollector

pytestmark = pytest.mark.slow

StartTracing = Callable[..., Tracing]
DOWN = "http://127.0.0.1:1"


@pytest.fixture
def collector() -> Iterator[HttpCollector]:
    """Return a collector that accepts all requests."""
    with HttpCollector().serving() as serving:
        yield serving


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> StartTracing:
    """Start the tracing of mail-api with an endpoint and other OTEL_ variables; names without `OTEL_`."""

    def start_with(endpoint: str, **variables: str) -> Tracing:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        for name, value in variables.items():
            monkeypatch.setenv(f"OTEL_{name}", value)
        return start_tracing(Service.API)

    return start_with


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Return the log output of the process."""
    stream = io.StringIO()
    logging.configure(Service.EXPORTER, stream=stream)
    yield stream
    logger.remove()


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    """Return the logged lines."""
    return [json.loads(line) for line in output.getvalue().splitlines()]


def emit(tracing: Tracing, number: int = 1) -> None:
    """Create and end `number` spans."""
    tracer = tracing.provider.get_tracer("test")
    for index in range(number):
        tracer.start_span(f"span {index}").end()


def export_of(tracing: Tracing) -> SpanExport:
    """Return the export, which has to be enabled."""
    assert tracing.export is not None
    return tracing.export


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_all_arrive(start: StartTracing, collector: HttpCollector) -> None:
    """All spans arrive before the shutdown ends, in batches of the SDK's processor."""
    tracing = start(collector.endpoint)
    assert isinstance(export_of(tracing).processor, BatchSpanProcessor)
    emit(tracing, 1000)
    tracing.shutdown()
    assert sorted(collector.names()) == sorted(f"span {index}" for index in range(1000))
    assert export_of(tracing).counts() == SpanCounts(processed=1000, dropped=0)
    assert len(collector.requests) < 10


def test_lone_span_arrives(start: StartTracing, collector: HttpCollector) -> None:
    """A single span is exported within a second, before the shutdown."""
    tracing = start(collector.endpoint)
    emit(tracing)
    assert collector.arrived.wait(5)
    tracing.shutdown()


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"EXPORTER_OTLP_ENDPOINT": " "}, id="empty"),
        pytest.param({"EXPORTER_OTLP_ENDPOINT": DOWN, "SDK_DISABLED": "True"}, id="disabled"),
        pytest.param({"EXPORTER_OTLP_ENDPOINT": DOWN, "TRACES_EXPORTER": "none"}, id="no exporter"),
    ],
)
def test_no_export(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    """Without an endpoint, or when disabled, spans are not exported."""
    for name, value in environ.items():
        monkeypatch.setenv(f"OTEL_{name}", value)
    assert start_tracing(Service.API).export is None


def test_disabled_sdk(start: StartTracing) -> None:
    """With OTEL_SDK_DISABLED spans have no ids."""
    span = start(DOWN, SDK_DISABLED="true").provider.get_tracer("test").start_span("x")
    assert not span.get_span_context().is_valid


def test_endpoint_headers_and_compression(start: StartTracing, collector: HttpCollector) -> None:
    """OTEL_EXPORTER_OTLP_HEADERS and _COMPRESSION take effect; spans go to the endpoint's path for traces."""
    tracing = start(collector.endpoint, EXPORTER_OTLP_HEADERS="x-scope=mail,x-key=k", EXPORTER_OTLP_COMPRESSION="gzip")
    emit(tracing)
    tracing.shutdown()
    assert (collector.paths, collector.names()) == (["/v1/traces"], ["span 0"])
    sent = {name: collector.headers[0].get(name) for name in ("content-encoding", "x-scope", "x-key")}
    assert sent == {"content-encoding": "gzip", "x-scope": "mail", "x-key": "k"}


def test_endpoint_of_traces(start: StartTracing, collector: HttpCollector) -> None:
    """OTEL_EXPORTER_OTLP_TRACES_ENDPOINT overrides the general one, and is a complete URL."""
    tracing = start(DOWN, EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.endpoint}/tenant/traces")
    emit(tracing)
    tracing.shutdown()
    assert collector.paths == ["/tenant/traces"]


def test_batch_size(start: StartTracing, collector: HttpCollector) -> None:
    """OTEL_BSP_MAX_EXPORT_BATCH_SIZE takes effect."""
    tracing = start(collector.endpoint, BSP_MAX_EXPORT_BATCH_SIZE="10", BSP_SCHEDULE_DELAY="60000")
    emit(tracing, 30)
    tracing.shutdown()
    assert [len(scope.spans) for scope in collector.scopes()] == [10, 10, 10]


def test_value_length(start: StartTracing, collector: HttpCollector) -> None:
    """OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT cuts values, after addresses are masked."""
    tracing = start(collector.endpoint, ATTRIBUTE_VALUE_LENGTH_LIMIT="10")
    tracing.provider.get_tracer("test").start_span("x", attributes={"who": "I am anna@example.org"}).end()
    tracing.shutdown()
    (exported,) = [span for scope in collector.scopes() for span in scope.spans]
    assert exported.attributes[0].value.string_value == "I am a***@"


def test_default_value_length(start: StartTracing, collector: HttpCollector) -> None:
    """Without the variable, a value has at most 1,024 characters, which limits the memory that a caller can use."""
    tracing = start(collector.endpoint)
    span = tracing.provider.get_tracer("test").start_span("x", attributes={"long": "x" * 100_000})
    span.end()
    assert isinstance(span, ReadableSpan)
    assert len(str((span.attributes or {})["long"])) < 2000
    tracing.shutdown()
    (exported,) = [span for scope in collector.scopes() for span in scope.spans]
    assert len(exported.attributes[0].value.string_value) == 1024


def test_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_RESOURCE_ATTRIBUTES adds to the service's name and does not replace it."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=other")
    found = start_tracing(Service.API).provider.resource.attributes
    assert (found["service.name"], found["deployment.environment.name"]) == ("mail-api", "test")


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        pytest.param({"EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "OTLP_TRACES_PROTOCOL", id="protocol"),
        pytest.param({"BSP_MAX_QUEUE_SIZE": "100"}, "max_queue_size", id="queue below batch"),
        pytest.param({"ATTRIBUTE_COUNT_LIMIT": "many"}, "OTEL_ATTRIBUTE_COUNT_LIMIT", id="limit"),
    ],
)
def test_unusable_variable(start: StartTracing, variables: dict[str, str], named: str) -> None:
    """A value that the SDK rejects stops the start, with the reason."""
    with pytest.raises(SettingsInvalid, match=named):
        start(DOWN, **variables)


def test_grpc(start: StartTracing) -> None:
    """A span is exported over gRPC."""
    grpc_collector = GrpcCollector()
    with grpc_collector.serving():
        tracing = start(grpc_collector.endpoint, EXPORTER_OTLP_PROTOCOL="grpc")
        emit(tracing)
        tracing.shutdown()
    assert len(grpc_collector.bodies) == 1


def test_only_the_chosen_protocol_is_loaded() -> None:
    """With HTTP, the gRPC library is not imported."""
    code = (
        "import os, sys; from mail_telemetry import tracing\n"
        f"os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = '{DOWN}'\n"
        "for protocol in ('http/protobuf', 'grpc'):\n"
        "    os.environ['OTEL_EXPORTER_OTLP_PROTOCOL'] = protocol\n"
        "    tracing.start_tracing('mail-api').shutdown()\n"
        "    print(protocol, 'grpc' in sys.modules)"
    ).replace("'mail-api'", "tracing.Service.API")
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - Python
    assert ["http/protobuf False", "grpc True"] == run.stdout.splitlines()


def test_refusing_collector(start: StartTracing, collector: HttpCollector, output: io.StringIO) -> None:
    """Spans that the collector rejects are dropped and counted after one attempt, and the status is logged."""
    collector.status = 400
    tracing = start(collector.endpoint)
    emit(tracing)
    tracing.shutdown()
    assert (len(collector.paths), export_of(tracing).counts()) == (1, SpanCounts(processed=1, dropped=1))
    (line,) = lines(output)
    assert "400" in line["reason"]


@pytest.mark.parametrize("protocol", Protocol)
def test_outage_is_logged_once(start: StartTracing, output: io.StringIO, protocol: Protocol) -> None:
    """During an outage all lost spans are counted, and one line is logged, with the reason."""
    tracing = start(DOWN, EXPORTER_OTLP_TIMEOUT="0.2", EXPORTER_OTLP_PROTOCOL=protocol)
    emit(tracing, 5000)
    wait_until(lambda: not export_of(tracing).is_healthy)
    with pytest.raises(CollectorUnavailable):
        list(span_metrics(export_of(tracing)))
    tracing.shutdown()
    processed, dropped = export_of(tracing).counts()
    assert processed == dropped >= 5000
    (line,) = lines(output)
    assert (line["level"], line["message"]) == (
        "warning",
        "span export failed; spans are dropped and counted until it recovers",
    )
    assert line["reason"]


def test_recovery_is_logged_once(start: StartTracing, collector: HttpCollector, output: io.StringIO) -> None:
    """When exports succeed again, one line with the number of lost spans is logged."""
    collector.status = 400
    tracing = start(collector.endpoint)
    emit(tracing)
    wait_until(lambda: not export_of(tracing).is_healthy)
    collector.status = 200
    emit(tracing, 2)
    wait_until(lambda: export_of(tracing).is_healthy)
    emit(tracing, 2)
    tracing.shutdown()
    assert [(line["level"], line.get("failed_spans")) for line in lines(output)] == [("warning", None), ("info", 1)]
    assert export_of(tracing).counts() == SpanCounts(processed=5, dropped=1)


def test_full_queue(start: StartTracing, collector: HttpCollector, output: io.StringIO) -> None:
    """With a slow collector and a full queue, spans are dropped and counted without waiting."""
    collector.is_open.clear()
    tracing = start(collector.endpoint, BSP_MAX_QUEUE_SIZE="100", BSP_MAX_EXPORT_BATCH_SIZE="50")
    started = time.monotonic()
    emit(tracing, 2000)
    assert time.monotonic() - started < 5
    collector.is_open.set()
    tracing.shutdown()
    processed, dropped = export_of(tracing).counts()
    # The SDK may count a span twice: as dropped, and as exported because it still found room.
    assert 2000 <= processed < 2050
    assert dropped >= 2000 - 100 - 2 * 50
    assert len(collector.names()) == processed - dropped
    assert lines(output) == []


def test_wait_for_room(start: StartTracing, collector: HttpCollector) -> None:
    """Waiting for room loses no span while exports succeed, with any size of the queue."""
    tracing = start(collector.endpoint, BSP_MAX_QUEUE_SIZE="100", BSP_MAX_EXPORT_BATCH_SIZE="50")
    for _ in range(100):
        export_of(tracing).wait_for_room()
        emit(tracing, 20)
    tracing.shutdown()
    assert (export_of(tracing).counts(), len(collector.names())) == (SpanCounts(2000, 0), 2000)


def test_no_wait_while_exports_fail(start: StartTracing, output: io.StringIO) -> None:
    """Waiting for room ends at once while exports fail."""
    tracing = start(DOWN, EXPORTER_OTLP_TIMEOUT="0.1", BSP_MAX_QUEUE_SIZE="100", BSP_MAX_EXPORT_BATCH_SIZE="50")
    emit(tracing, 100)
    wait_until(lambda: not export_of(tracing).is_healthy)
    waited = 0.0
    for _ in range(200):
        started = time.monotonic()
        export_of(tracing).wait_for_room()
        waited += time.monotonic() - started
        emit(tracing, 20)
    assert waited < 5
    tracing.shutdown()
    processed, dropped = export_of(tracing).counts()
    assert processed == dropped >= 4_100
    assert len(lines(output)) == 1


def test_shutdown_is_bounded(start: StartTracing, collector: HttpCollector, output: io.StringIO) -> None:
    """A shutdown waits for an unresponsive collector only for the given time."""
    collector.is_open.clear()
    tracing = start(collector.endpoint)
    emit(tracing)
    assert collector.arrived.wait(5)
    started = time.monotonic()
    tracing.shutdown(0.2)
    assert time.monotonic() - started < 2
    assert [line["message"] for line in lines(output)] == [
        "span export did not end within 0.2 s; the last spans are lost"
    ]
    collector.is_open.set()
