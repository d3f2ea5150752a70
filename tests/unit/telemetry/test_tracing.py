"""When spans leave the process, and where to."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from mail_telemetry.names import Service
from mail_telemetry.otlp import ProtocolUnsupported
from mail_telemetry.sending import QueuedSpans
from mail_telemetry.tracing import export_enabled, span_sender, tracer_provider
from tests.unit.telemetry.grpc_collector import GrpcCollector

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel-collector:4318"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, False, id="nothing set"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, id="empty"),
        pytest.param(COLLECTOR, True, id="endpoint"),
        pytest.param({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://otel-collector:4318/v1/traces"}, True, id="traces"),
        pytest.param(COLLECTOR | {"OTEL_SDK_DISABLED": "True"}, False, id="disabled"),
        pytest.param(COLLECTOR | {"OTEL_TRACES_EXPORTER": "none"}, False, id="no exporter"),
        pytest.param(COLLECTOR | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True, id="protocol"),
    ],
)
def test_export_enabled(environ: dict[str, str], *, expected: bool) -> None:
    """Spans are exported when an endpoint is set and nobody has switched them off."""
    assert expected == export_enabled(environ)
    sender = span_sender(environ)
    assert (sender is not None) == expected
    if sender is not None:
        sender.close()


def test_other_protocol() -> None:
    """A protocol that is not built in ends the start."""
    with pytest.raises(ProtocolUnsupported):
        span_sender(COLLECTOR | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"})


def test_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over gRPC a span arrives as it would over HTTP."""
    collector = GrpcCollector()
    with collector.serving():
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        assert (1, 0) == send_one(monkeypatch, environ)
    (request,) = map(ExportTraceServiceRequest.FromString, collector.bodies)
    assert ["one"] == [span.name for span in request.resource_spans[0].scope_spans[0].spans]


def test_only_what_is_spoken_is_loaded() -> None:
    """Who sends over HTTP does not load gRPC's library, which is large."""
    code = (
        "import sys; from mail_telemetry import log_export, tracing\n"
        f"for protocol in ('http/protobuf', 'grpc'):\n"
        f"    tracing.span_sender({COLLECTOR} | {{'OTEL_EXPORTER_OTLP_PROTOCOL': protocol}}).close()\n"
        "    print(protocol, 'grpc' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - Python
    assert ["http/protobuf False", "grpc True"] == told.stdout.splitlines()


@dataclass
class Received:
    """What a collector was sent, and the answer that it gives."""

    url: str = ""
    status: int = 200
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    some: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def collector() -> Iterator[Received]:
    """Return a collector on a port of its own."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.paths.append(self.path)
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            received.some.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def send_one(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> tuple[int, int]:
    """Send a span by these variables; return how many spans were handed on, and how many dropped."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    sender = span_sender(environ)
    assert sender is not None
    tracer_provider(Service.API, QueuedSpans(sender)).get_tracer("test").start_span("one").end()
    sender.close()
    return sender.handed_on, sender.dropped


def test_endpoint_and_headers(monkeypatch: pytest.MonkeyPatch, collector: Received) -> None:
    """Spans go to the endpoint's path for traces, as protobuf, with the headers that are set."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-scope=mail,x-key=k"}
    assert send_one(monkeypatch, environ) == (1, 0)
    assert collector.paths == ["/v1/traces"]
    sent = {name: collector.headers[0].get(name) for name in ("content-type", "x-scope", "x-key")}
    assert sent == {"content-type": "application/x-protobuf", "x-scope": "mail", "x-key": "k"}


def test_collector_that_refuses(monkeypatch: pytest.MonkeyPatch, collector: Received) -> None:
    """What the collector refuses is dropped and counted, after one try."""
    collector.status = 400
    assert send_one(monkeypatch, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) == (1, 1)
    assert collector.paths == ["/v1/traces"]


def test_collector_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds no collector is dropped and counted, after the exporter's own patience."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.2"}
    assert send_one(monkeypatch, environ) == (1, 1)


def test_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_TRACES_SAMPLER is the provider's, and so the mail server's spans'."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    provider: TracerProvider = tracer_provider(Service.SERVER, None)
    assert provider.sampler is ALWAYS_OFF


def test_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTEL_RESOURCE_ATTRIBUTES adds to the service's name and does not replace it."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=other")
    found = tracer_provider(Service.API, None).resource.attributes
    assert (found["service.name"], found["deployment.environment.name"]) == ("mail-api", "test")
