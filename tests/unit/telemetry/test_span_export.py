"""Masked copies of spans."""

from collections.abc import Sequence

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from mail_telemetry.span_export import MaskingSpanExporter, masked

LINKED = SpanContext(3, 4, is_remote=False, trace_flags=TraceFlags(1))


def span(limits: SpanLimits | None = None) -> ReadableSpan:
    """Return a finished span with an address in each place that can hold one."""
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
    """Name, attributes, events and status hold no address."""
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
    """But for addresses, the copy is exported as the span would be."""
    original = span()
    written = encode_spans([masked(original)])
    assert written.resource_spans[0].scope_spans[0].scope.name == "test"
    expected = encode_spans([original]).SerializeToString().replace(b"anna@", b"a***@")
    assert len(written.SerializeToString()) == len(expected)
    copy, kept = written.resource_spans[0].scope_spans[0].spans[0], masked(original)
    assert (copy.kind, copy.start_time_unix_nano, copy.end_time_unix_nano) == (3, 1_000, 2_000)
    assert (kept.context, kept.parent, kept.links, kept.resource) == (
        original.context,
        original.parent,
        original.links,
        original.resource,
    )


def test_dropped_counts_are_kept() -> None:
    """The numbers of attributes and events that the SDK's limits dropped are exported, too."""
    original = span(SpanLimits(max_span_attributes=2, max_events=1))
    copy = masked(original)
    assert (copy.dropped_attributes, copy.dropped_events) == (original.dropped_attributes, original.dropped_events)
    assert (copy.dropped_attributes, copy.dropped_events) == (3, 1)
    assert [len(copy.attributes or {}), len(copy.events)] == [2, 1]


@pytest.mark.parametrize("before", [0, 1, 5, 9])
def test_address_across_the_cut(before: int) -> None:
    """Values are cut after masking, so an address that the cut goes through is masked."""
    made = TracerProvider().get_tracer("test").start_span("x", attributes={"a": "." * before + " anna@example.org"})
    made.end()
    assert isinstance(made, ReadableSpan)
    value = str((masked(made, 10).attributes or {})["a"])
    assert "an" not in value
    assert len(value) == 10


class Broken(SpanExporter):
    """Fails."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Raise."""
        raise OSError(f"no way to send {len(spans)}")


def test_exporter_that_raises() -> None:
    """An exporter that raises is a failed export like any other."""
    exporter = MaskingSpanExporter(Broken())
    assert exporter.export([span()]) is SpanExportResult.FAILURE
    assert (exporter.is_healthy, exporter.failed_spans) == (False, 1)
