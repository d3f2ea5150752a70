"""Trace context propagation through Postfix: a `Traceparent` header that Postfix logs (W3C Trace Context).

The API, and other programs, write the header. header_checks logs it with the queue id, smtp_header_checks removes it
before the mail is relayed, and the exporter uses it as the parent of its spans. A mail server of an older version logs
it as `orig_queue_id=` (XFORWARD_README), which the exporter still parses.
Source: https://www.w3.org/TR/trace-context/
"""

from typing import Final

from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_KEY: Final = "traceparent"  # the propagator's getter reads lower-case keys only
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def traceparent(span: SpanContext) -> str | None:
    """Return the `traceparent` of a span, or None for an invalid span, as when the SDK is disabled."""
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def parse_traceparent(value: str) -> SpanContext | None:
    """Return the remote span of a `traceparent`, or None when it is malformed.

    Flags are read as bits: 03 (sampled and random) is sampled, like 01.
    """
    context = _PROPAGATOR.extract({_KEY: value.strip()})
    found = get_current_span(context).get_span_context()
    return found if found.is_valid else None
