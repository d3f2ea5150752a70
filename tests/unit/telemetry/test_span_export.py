"""Masking and limits of exported spans."""

from collections.abc import Sequence

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from mail_telemetry.span_export import MaskingSpanExporter, ValueLengths, masked

LINKED = SpanContext(3, 4, is_remote=False, trace_flags=TraceFlags(1))


def span(limits: SpanLimits | None = None) -> ReadableSpan:
    """Return a finished span with an address in each field that can contain one."""
    made = (
        TracerProvider(span_limits=limits)
        .get_tracer("test", "1")
        .start_span(
            "mail to anna@example.org",
            kind=SpanKind.CLIENT,
            attributes={"a": "anna@example.org", "all": ["anna@example.org", "x"], "n": 5, "b": True, "f": 0.5},
            links=[Link(LINKED, {"n": 1})],
            start_time=1_000,
        )
    )
    made.add_event("anna@example.org", {"reply": "550 <anna@example.org>"}, 1_500)
    made.add_event("second", {}, 1_600)
    made.set_status(Status(StatusCode.ERROR, "550 <anna@example.org>"))
    made.end(2_000)
    assert isinstance(made, ReadableSpan)
    return made


def test_addresses_are_masked() -> None:
    """Name, attributes, events and status contain no address."""
    copy = masked(span())
    assert "anna@" not in copy.to_json()
    assert dict(copy.attributes or {}) == {
        "a": "a***@example.org",
        "all": ["a***@example.org", "x"],
        "n": 5,
        "b": True,
        "f": 0.5,
    }
    assert (copy.name, copy.status.description) == ("mail to a***@example.org", "550 <a***@example.org>")
    assert [(event.name, event.timestamp) for event in copy.events] == [("a***@example.org", 1_500), ("second", 1_600)]


def test_everything_else_is_kept() -> None:
    """Apart from addresses, the copy is exported like the span."""
    original = span()
    written = encode_spans([masked(original)])
    assert written.resource_spans[0].scope_spans[0].scope.name == "test"
    expected = encode_spans([original]).SerializeToString().replace(b"anna@", b"a***@")
    assert len(written.SerializeToString()) == len(expected)
    copy, kept = written.resource_spans[0].scope_spans[0].spans[0], masked(original)
    assert (copy.kind, copy.start_time_unix_nano, copy.end_time_unix_nano) == (3, 1_000, 2_000)
    assert (kept.context, kept.parent, kept.resource) == (original.context, original.parent, original.resource)
    (link,), (was,) = kept.links, original.links
    assert (link.context, dict(link.attributes or {})) == (was.context, dict(was.attributes or {}))


def test_dropped_counts_are_kept() -> None:
    """The numbers of attributes and events that the SDK's limits dropped are exported, too."""
    original = span(SpanLimits(max_span_attributes=2, max_events=1))
    copy = masked(original)
    assert (copy.dropped_attributes, copy.dropped_events) == (original.dropped_attributes, original.dropped_events)
    assert (copy.dropped_attributes, copy.dropped_events) == (3, 1)
    assert [len(copy.attributes or {}), len(copy.events)] == [2, 1]


@pytest.mark.parametrize("before", [0, 1, 5, 9])
def test_address_across_the_cut(before: int) -> None:
    """Values are cut after masking, so an address at the cut is masked."""
    made = TracerProvider().get_tracer("test").start_span("x", attributes={"a": "." * before + " anna@example.org"})
    made.end()
    assert isinstance(made, ReadableSpan)
    value = str((masked(made, ValueLengths(10)).attributes or {})["a"])
    assert "an" not in value
    assert len(value) == 10


def test_lengths() -> None:
    """Values of spans and values of events, links and status have separate limits."""
    links = [Link(LINKED, {"l": "l" * 9})]
    made = TracerProvider().get_tracer("test").start_span("x", attributes={"a": "a" * 9}, links=links)
    made.add_event("e", {"e": "e" * 9})
    made.set_status(Status(StatusCode.ERROR, "s" * 9))
    made.end()
    assert isinstance(made, ReadableSpan)
    copy = masked(made, ValueLengths(of_spans=2, of_others=4))
    (event,), (link,) = copy.events, copy.links
    values = [dict(attributes or {}) for attributes in (copy.attributes, event.attributes, link.attributes)]
    assert values == [{"a": "aa"}, {"e": "eeee"}, {"l": "llll"}]
    assert copy.status.description == "ssss"


def test_lone_surrogate() -> None:
    """A character that protobuf cannot encode is replaced."""
    made = TracerProvider().get_tracer("test").start_span("x", attributes={"a": "x\ud800y"})
    made.set_status(Status(StatusCode.ERROR, "x\ud800y"))
    made.end()
    assert isinstance(made, ReadableSpan)
    (span,) = encode_spans([masked(made)]).resource_spans[0].scope_spans[0].spans
    assert (span.attributes[0].value.string_value, span.status.message) == ("x?y", "x?y")


class Broken(SpanExporter):
    """An exporter that fails."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Raise an error."""
        raise OSError(f"no way to send {len(spans)}")


def test_exporter_that_raises() -> None:
    """An exporter that raises counts as a failed export."""
    exporter = MaskingSpanExporter(Broken())
    assert exporter.export([span()]) is SpanExportResult.FAILURE
    assert (exporter.is_healthy, exporter.failed_spans) == (False, 1)
