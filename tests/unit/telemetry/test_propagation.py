"""Trace context propagation by `traceparent`."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN_CONTEXT
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mail_telemetry.propagation import parse_traceparent, traceparent

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def test_written_and_read() -> None:
    """A `traceparent` is read as the span it was written for, and equals that of OpenTelemetry's propagator."""
    carrier: dict[str, str] = {}
    with TracerProvider().get_tracer("test").start_as_current_span("span") as span:
        TraceContextTextMapPropagator().inject(carrier)
    written = span.get_span_context()
    value = traceparent(written)
    assert carrier["traceparent"] == value
    read = parse_traceparent(value or "")
    assert read
    assert (written.trace_id, written.span_id) == (read.trace_id, read.span_id)


def test_no_span() -> None:
    """An invalid span has no `traceparent`."""
    assert traceparent(INVALID_SPAN_CONTEXT) is None


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True)], ids=["none", "s", "r", "sr"]
)
def test_flags(flags: str, *, sampled: bool) -> None:
    """The lowest bit of the flags is the sampling decision."""
    read = parse_traceparent(f"00-{TRACE}-{SPAN}-{flags}")
    assert read
    assert sampled == read.trace_flags.sampled


@pytest.mark.parametrize(
    "value",
    ["", "00", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-x-01"],
    ids=["empty", "short", "zero trace", "zero span", "version ff", "not hexadecimal"],
)
def test_malformed(value: str) -> None:
    """A malformed header has no trace."""
    assert parse_traceparent(value) is None
