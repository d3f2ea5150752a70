"""OTLP receiver over HTTP (opentelemetry.io/docs/specs/otlp): decodes protobuf and stores the spans."""

import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum, auto

from fastapi import FastAPI, Request, Response
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # published without types
from loguru import logger
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from mail_sandbox.spans import Span, SpanEvent, SpanKind, SpanLink, SpanStore, Status, Value

PROTOBUF = "application/x-protobuf"
LARGEST_BODY = 64 * 1024 * 1024

# In the order of their numbers in trace.proto.
_KINDS = tuple(SpanKind)
_STATUSES = tuple(Status)


class Signal(StrEnum):
    """OTLP's signals; each has its own path."""

    TRACES = auto()
    LOGS = auto()
    METRICS = auto()


ANSWERS: dict[Signal, bytes] = {
    Signal.TRACES: ExportTraceServiceResponse().SerializeToString(),
    Signal.LOGS: ExportLogsServiceResponse().SerializeToString(),
    Signal.METRICS: ExportMetricsServiceResponse().SerializeToString(),
}


class BodyRejectedError(ValueError):
    """A request body is too large, or is not in the format that its headers name."""


def create_otlp_app(store: SpanStore) -> FastAPI:
    """Return the receiver's app: spans are stored, logs and metrics only counted."""
    app = FastAPI(title="Dinky Mail sandbox, OTLP", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/v1/{signal}")
    async def export(signal: Signal, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PROTOBUF:
            return _refusal(415, f"send {PROTOBUF}")
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding not in {"identity", "gzip"}:
            return _refusal(415, "send it plain or with Content-Encoding: gzip")
        try:
            body = unpacked(await request.body(), gzip=encoding == "gzip")
            if signal is Signal.TRACES:
                keep(store, body)
        except BodyRejectedError as error:
            return _refusal(400, str(error))
        store.requests[signal] += 1
        return Response(ANSWERS[signal], media_type=PROTOBUF)

    return app


def keep(store: SpanStore, body: bytes) -> None:
    """Store the spans of an ExportTraceServiceRequest; raises BodyRejectedError."""
    spans = list(decode_traces(body))
    new = sum([store.add(span) for span in spans])
    logger.bind(spans=len(spans), duplicates=len(spans) - new).info("spans received")


def _refusal(status: int, problem: str) -> Response:
    return Response(f"{problem}\n", status_code=status, media_type="text/plain")


def unpacked(body: bytes, *, gzip: bool) -> bytes:
    """Return the body without its compression; raises BodyRejectedError."""
    if len(body) > LARGEST_BODY:
        raise BodyRejectedError("the body is too large")
    if not gzip:
        return body
    # 16 above the window's size selects zlib's gzip format.
    inflater = zlib.decompressobj(zlib.MAX_WBITS + 16)
    try:
        plain = inflater.decompress(body, LARGEST_BODY)
    except zlib.error as error:
        raise BodyRejectedError(f"the body is not gzip: {error}") from error
    if not inflater.eof:
        raise BodyRejectedError("the body is cut off, or too large when unpacked")
    return plain


def decode_traces(body: bytes) -> Iterator[Span]:
    """Return the spans of an ExportTraceServiceRequest; raises BodyRejectedError."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise BodyRejectedError("the body is not an ExportTraceServiceRequest") from error
    for resource_spans in request.resource_spans:
        service = str(attributes(resource_spans.resource.attributes).get("service.name", ""))
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, service)


def _span(span: ProtoSpan, service: str) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        name=span.name,
        kind=_KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else SpanKind.UNSPECIFIED,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        service=service,
        status=_STATUSES[span.status.code] if 0 <= span.status.code < len(_STATUSES) else Status.UNSET,
        status_message=span.status.message,
        attributes=attributes(span.attributes),
        events=tuple(
            SpanEvent(event.name, event.time_unix_nano, attributes(event.attributes)) for event in span.events
        ),
        links=tuple(SpanLink(link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Return OTLP attributes as plain values."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return value.bytes_value.hex()
        case scalar:
            plain: Value = getattr(value, scalar)
            return plain
