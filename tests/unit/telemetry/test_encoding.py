"""Spans as bytes: the same as the SDK's own encoder makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from mail_telemetry import encoding
from mail_telemetry.encoding import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

RESOURCE = Resource({"service.name": "mail-api", "replicas": 2}, "https://schema.example/1")
OTHER = Resource({"service.name": "mail-server"})
SCOPE = InstrumentationScope("mail_api", "1.2", "https://schema.example/2", {"a": "b"})

_ids = st.integers(1, 2**64 - 1)
_times = st.integers(0, 2**63 - 1)
_scalars = st.one_of(
    st.text(max_size=300), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary()
)
_values = st.one_of(_scalars, st.lists(_scalars, max_size=3).map(tuple), st.dictionaries(st.text(min_size=1), _scalars))
_attributes = st.dictionaries(st.text(min_size=1, max_size=20), _values, max_size=5)
_contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    _ids,
    st.booleans(),
    st.sampled_from([TraceFlags(0), TraceFlags(1), TraceFlags(3)]),
    st.sampled_from([TraceState(), TraceState([("a", "b"), ("c", "d")])]),
)
_spans = st.builds(
    ReadableSpan,
    name=st.text(max_size=40),
    context=_contexts,
    parent=st.none() | _contexts,
    resource=st.sampled_from([RESOURCE, OTHER]),
    attributes=_attributes,
    events=st.lists(st.builds(Event, st.text(max_size=9), _attributes, _times), max_size=2),
    links=st.lists(st.builds(Link, _contexts, _attributes), max_size=2),
    kind=st.sampled_from(list(SpanKind)),
    status=st.sampled_from([Status(), Status(StatusCode.OK), Status(StatusCode.ERROR, "why")]),
    start_time=_times,
    end_time=_times,
    instrumentation_scope=st.sampled_from([None, SCOPE]),
)


def decoded(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """Return what a collector reads."""
    found = ExportTraceServiceRequest()
    found.ParseFromString(encode(spans))
    return found


@given(_spans)
def test_like_the_sdk(span: ReadableSpan) -> None:
    """Any span is encoded as the SDK does it."""
    assert encode_spans([span]) == decoded([span])


@pytest.mark.parametrize("most", [0, 1])
def test_span_of_the_sdk(most: int) -> None:
    """Spans that a tracer made, with parents, limits and an exception, too."""
    exporter = InMemorySpanExporter()
    limits = SpanLimits(max_span_attributes=2, max_events=most, max_links=most)
    provider = TracerProvider(resource=RESOURCE, span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("mail_api")
    attributes = {"a": 1, "b": True, "c": 1.0}
    with tracer.start_as_current_span("outer", kind=SpanKind.SERVER, attributes=attributes) as outer:
        outer.add_event("first")
        outer.record_exception(ValueError("no"))
        links = [Link(outer.get_span_context()), Link(outer.get_span_context())]
        with tracer.start_as_current_span("inner", kind=SpanKind.CLIENT, links=links):
            pass
    spans = exporter.get_finished_spans()
    assert encode_spans(spans) == decoded(spans)


def test_groups() -> None:
    """Each run of spans of one origin is a group; none is lost, and none is under another's name."""
    context = SpanContext(1, 2, is_remote=False)
    made = [ReadableSpan(str(number), context, resource=RESOURCE if number % 3 else OTHER) for number in range(7)]
    found = [
        (group.resource.attributes[0].value.string_value, [span.name for span in group.scope_spans[0].spans])
        for group in decoded(made).resource_spans
    ]
    assert found == [
        ("mail-server", ["0"]), ("mail-api", ["1", "2"]), ("mail-server", ["3"]), ("mail-api", ["4", "5"]),
        ("mail-server", ["6"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [(1, True, 1.0), (0, False, 0.0), ((1,), (True,), (1.0,)), ("", (), -1), ({"a": 1}, {"a": True})],
    ids=["ones", "zeros", "tuples", "empty", "mappings"],
)
def test_kinds_of_value(values: tuple[Any, ...]) -> None:
    """Values that are equal or empty in Python keep their type, one after the other."""
    context = SpanContext(1, 2, is_remote=False)
    spans = [ReadableSpan("x", context, resource=OTHER, attributes={"a": value}) for value in values]
    assert encode_spans(spans) == decoded(spans)


def test_long_values_are_not_kept() -> None:
    """What a caller can make long is encoded anew each time: it would fill the memory."""
    context, before = SpanContext(1, 2, is_remote=False), encoding._short_attribute.cache_info().currsize  # noqa: SLF001 - the memory
    encode([ReadableSpan("x", context, resource=OTHER, attributes={"user_agent.original": "x" * 60_000})])
    assert encoding._short_attribute.cache_info().currsize == before  # noqa: SLF001 - same


def test_what_is_no_unicode() -> None:
    """Text that UTF-8 can't say costs its odd characters, not the batch."""
    span = ReadableSpan("x", SpanContext(1, 2, is_remote=False), resource=OTHER, attributes={"a": "b\ud800c"})
    (attribute,) = decoded([span]).resource_spans[0].scope_spans[0].spans[0].attributes
    assert attribute.value.string_value == "b?c"
