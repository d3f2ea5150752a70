"""OTLP receiver, tested with OpenTelemetry's exporters."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import grpc.aio
import httpx2
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode

from mail_sandbox.otlp import PROTOBUF, BodyRejectedError, create_otlp_app, unpacked
from mail_sandbox.service import running
from mail_sandbox.settings import Settings
from mail_sandbox.spans import SpanEvent, SpanLink, SpanStore, Status
from mail_sandbox.spans import SpanKind as FaultKind


@pytest.fixture
def store() -> SpanStore:
    """Return an empty store."""
    return SpanStore(keep=100)


@pytest.fixture
def receiver(store: SpanStore) -> httpx2.AsyncClient:
    """Return a client of the receiver."""
    transport = httpx2.ASGITransport(app=create_otlp_app(store))
    return httpx2.AsyncClient(transport=transport, base_url="http://collector")


@pytest.fixture
def sdk_spans() -> list[ReadableSpan]:
    """Return a parent and a child span of the SDK, in the order of their ends."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "mail-exporter"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    link = Link(SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=True))
    with tracer.start_as_current_span("mail", kind=SpanKind.CONSUMER, start_time=1_000, end_on_exit=False) as mail:
        attempt = tracer.start_span("attempt", kind=SpanKind.CLIENT, start_time=2_000, links=[link])
        attempt.set_attributes({"error.type": "auth", "mail.attempt": 2, "mail.final": True, "mail.delay": 0.5})
        attempt.set_attribute("mail.hops", ["a", "b"])
        attempt.add_event("deferred", {"mail.code": "4.7.8"}, timestamp=2_500)
        attempt.set_status(StatusCode.ERROR, "said no")
        attempt.end(end_time=3_000)
    mail.end(end_time=4_000)
    return list(exporter.get_finished_spans())


def on_free_ports(ca_file: Path) -> Settings:
    """Return settings of a sandbox on free ports."""
    ports: dict[str, Any] = dict.fromkeys(("submission_port", "smtps_port", "http_port", "otlp_port"), 0)
    return Settings(ca_file=ca_file, bind="127.0.0.1", otlp_grpc_port=0, **ports)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip], ids=["plain", "gzip"])
async def test_export_of_the_sdk(ca_file: Path, sdk_spans: list[ReadableSpan], compression: Compression) -> None:
    """All fields of the SDK's spans are received over a real connection, and repeated spans are counted."""
    async with running(on_free_ports(ca_file)) as service:
        exporter = OTLPSpanExporter(
            endpoint=f"http://127.0.0.1:{service.otlp_port}/v1/traces", compression=compression, timeout=3
        )
        results = [await asyncio.to_thread(exporter.export, sdk_spans) for _ in range(2)]
        exporter.shutdown()  # type: ignore[no-untyped-call]  # as the SDK publishes it
        store = service.sandbox.spans
        assert results == [SpanExportResult.SUCCESS] * 2
        assert store.requests == {"traces": 2}
        (trace,) = store.summaries()
        assert (trace.root, trace.span_count, trace.duplicates) == ("mail", 2, 2)
        mail, attempt = store.trace(trace.trace_id)
    assert (mail.kind, mail.start, mail.end, mail.service) == (FaultKind.CONSUMER, 1_000, 4_000, "mail-exporter")
    assert (attempt.kind, attempt.parent_span_id) == (FaultKind.CLIENT, mail.span_id)
    assert (attempt.status, attempt.status_message) == (Status.ERROR, "said no")
    assert attempt.attributes == {
        "error.type": "auth",
        "mail.attempt": 2,
        "mail.final": True,
        "mail.delay": 0.5,
        "mail.hops": ["a", "b"],
    }
    assert attempt.events == (SpanEvent("deferred", 2_500, {"mail.code": "4.7.8"}),)
    assert attempt.links == (SpanLink(f"{0xABC:032x}", f"{0xDEF:016x}"),)


@pytest.mark.parametrize(
    ("body", "code"), [(b"", "OK"), (b"\xff\xff", "INVALID_ARGUMENT")], ids=["good", "no protobuf"]
)
async def test_export_over_grpc(ca_file: Path, body: bytes, code: str) -> None:
    """An export over gRPC is accepted or rejected as over HTTP."""
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    async with (
        running(on_free_ports(ca_file)) as service,
        grpc.aio.insecure_channel(f"127.0.0.1:{service.otlp_grpc_port}") as channel,
    ):
        export: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        assert code == (await export(body).code()).name
        assert ("traces over gRPC" in service.sandbox.spans.requests) == (code == "OK")


async def test_an_export_is_answered_in_protobuf(receiver: httpx2.AsyncClient) -> None:
    """An empty export is accepted and answered in protobuf."""
    body = ExportTraceServiceRequest().SerializeToString()
    answer = await receiver.post("/v1/traces", content=body, headers={"Content-Type": PROTOBUF})
    assert (answer.status_code, answer.headers["content-type"]) == (200, PROTOBUF)
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()


@pytest.mark.parametrize("signal", ["logs", "metrics"])
async def test_other_signals_are_counted(receiver: httpx2.AsyncClient, store: SpanStore, signal: str) -> None:
    """Exports of logs and metrics are accepted too."""
    answer = await receiver.post(f"/v1/{signal}", content=b"", headers={"Content-Type": PROTOBUF})
    assert answer.status_code == 200
    assert store.requests == {signal: 1}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"", {"Content-Type": PROTOBUF, "Content-Encoding": "br"}, 415),
        (b"\xff\xff", {"Content-Type": PROTOBUF}, 400),
        (b"not gzip", {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"x" * 100)[:20], {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}, 400),
    ],
    ids=["json", "brotli", "no protobuf", "no gzip", "cut off"],
)
async def test_other_bodies_are_refused(
    receiver: httpx2.AsyncClient, store: SpanStore, content: bytes, headers: dict[str, str], status: int
) -> None:
    """A malformed request is answered as a client error and not counted."""
    answer = await receiver.post("/v1/traces", content=content, headers=headers)
    assert answer.status_code == status
    assert not store.requests


@pytest.mark.slow
def test_decompression_bomb() -> None:
    """A small compressed body that unpacks to more than the limit is rejected."""
    with pytest.raises(BodyRejectedError, match="too large"):
        unpacked(gzip.compress(bytes(65 * 1024 * 1024), compresslevel=1), gzip=True)


async def test_unknown_signals_are_not_found(receiver: httpx2.AsyncClient) -> None:
    """Other paths than traces, logs and metrics are answered 404."""
    assert (await receiver.post("/v1/profiles", content=b"")).status_code in {400, 404, 422}
