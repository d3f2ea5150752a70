"""Export of spans over gRPC."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import trustme
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from mail_telemetry.configuration import SettingsInvalid
from mail_telemetry.names import Service
from mail_telemetry.tracing import Tracing, start_tracing
from tests.unit.telemetry.grpc_collector import GrpcCollector


@pytest.fixture
def collector() -> Iterator[GrpcCollector]:
    """Return a collector that accepts all requests."""
    made = GrpcCollector()
    with made.serving():
        yield made


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set the environment to gRPC and a short time-out."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    return monkeypatch


def tracing_to(variables: pytest.MonkeyPatch, endpoint: str, **settings: str) -> Tracing:
    """Return tracing to an endpoint; settings are the ends of the variables' names."""
    for name, value in settings.items():
        variables.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    variables.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    return start_tracing(Service.API)


def emit(tracing: Tracing, *names: str) -> None:
    """Create and end spans."""
    for name in names:
        tracing.provider.get_tracer("test").start_span(name).end()


def dropped(tracing: Tracing) -> int:
    """Return how many spans were dropped."""
    assert tracing.export is not None
    return tracing.export.counts().dropped


def arrived(collector: GrpcCollector) -> list[str]:
    """Return the names of the spans that the collector received, repeated ones included."""
    requests = map(ExportTraceServiceRequest.FromString, collector.bodies)
    return [span.name for request in requests for span in request.resource_spans[0].scope_spans[0].spans]


@pytest.mark.parametrize("settings", [{}, {"COMPRESSION": "gzip"}], ids=["plain", "gzip"])
def test_spans_arrive(variables: pytest.MonkeyPatch, collector: GrpcCollector, settings: dict[str, str]) -> None:
    """All spans arrive, and the configured headers are sent in lower case, as HTTP/2 requires."""
    tracing = tracing_to(variables, collector.endpoint, HEADERS="X-Scope-OrgID=mail", **settings)
    names = [f"span {number}" for number in range(600)]
    emit(tracing, *names)
    tracing.shutdown()
    assert (names, 0) == (sorted(arrived(collector), key=names.index), dropped(tracing))
    assert {"opentelemetry.proto.collector.trace.v1.TraceService/Export"} == set(collector.methods)
    assert "mail" == collector.metadata[0]["x-scope-orgid"]


def test_variable_that_is_wrong(variables: pytest.MonkeyPatch) -> None:
    """A value that the exporter rejects raises an error that names the variable."""
    with pytest.raises(SettingsInvalid, match="COMPRESSION"):
        tracing_to(variables, "http://127.0.0.1:1", COMPRESSION="zip")


@pytest.mark.slow
@pytest.mark.parametrize(("code", "tries"), [("UNAVAILABLE", 2), ("UNAUTHENTICATED", 1)])
def test_refusal(variables: pytest.MonkeyPatch, collector: GrpcCollector, code: str, tries: int) -> None:
    """A transient failure is retried; after a permanent one, spans are dropped and counted."""
    collector.answers = [grpc.StatusCode[code]]
    tracing = tracing_to(variables, collector.endpoint, TIMEOUT="10")
    emit(tracing, "one")
    tracing.shutdown(10)
    assert (["one"] * tries, 2 - tries) == (arrived(collector), dropped(tracing))


def test_collector_that_is_down(variables: pytest.MonkeyPatch) -> None:
    """Without a collector spans are dropped and counted, within the time-out."""
    tracing = tracing_to(variables, "http://127.0.0.1:1", TIMEOUT="0.2")
    emit(tracing, "one")
    tracing.shutdown()
    assert 1 == dropped(tracing)


@pytest.mark.slow
def test_shutdown_with_a_hanging_collector(variables: pytest.MonkeyPatch, collector: GrpcCollector) -> None:
    """A shutdown does not wait for a collector that does not respond."""
    collector.is_open.clear()
    tracing = tracing_to(variables, collector.endpoint, TIMEOUT="60")
    emit(tracing, "one")
    assert collector.arrived.wait(10)
    ended = threading.Thread(target=tracing.shutdown, args=(0.1,))
    started = time.monotonic()
    ended.start()
    ended.join(10)
    assert time.monotonic() - started < 2


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the files of a CA, and of a certificate and its key that it signed for localhost."""
    folder, ca = tmp_path_factory.mktemp("collector"), trustme.CA()
    signed = ca.issue_cert("localhost")
    files = {"ca": folder / "ca.pem", "key": folder / "key.pem", "certificate": folder / "certificate.pem"}
    ca.cert_pem.write_to_path(files["ca"])
    signed.private_key_pem.write_to_path(files["key"])
    signed.cert_chain_pems[0].write_to_path(files["certificate"])
    return files


@pytest.fixture
def tls_collector(certificates: dict[str, Path]) -> Iterator[GrpcCollector]:
    """Return a collector behind TLS that requires a client certificate of the same CA."""
    key, certificate, ca = (certificates[name].read_bytes() for name in ("key", "certificate", "ca"))
    made = GrpcCollector()
    with made.serving(credentials=grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)):
        yield made


def test_tls(variables: pytest.MonkeyPatch, tls_collector: GrpcCollector, certificates: dict[str, Path]) -> None:
    """Over TLS both sides use certificates of a private CA."""
    settings = {
        "CERTIFICATE": str(certificates["ca"]),
        "CLIENT_CERTIFICATE": str(certificates["certificate"]),
        "CLIENT_KEY": str(certificates["key"]),
    }
    tracing = tracing_to(variables, f"https://localhost:{tls_collector.port}", **settings)
    emit(tracing, "one")
    tracing.shutdown()
    assert ["one"] == arrived(tls_collector)
