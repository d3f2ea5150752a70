"""W3C Trace Context on its way through Postfix (https://www.w3.org/TR/trace-context/): from the API into the log.

The API, and other programs, write a header `Traceparent`. header_checks logs it beside the queue id, smtp_header_checks
removes it as the mail leaves, and the exporter parents its spans with it. A mail server of an older version logs it as
`orig_queue_id=` (XFORWARD_README), which the exporter still parses.
"""

from typing import Final

from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_KEY: Final = "traceparent"  # the propagator's getter knows lower-case keys only
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def traceparent(span: SpanContext) -> str | None:
    """Return the `traceparent` of a span, or None when it is not valid, as where the SDK is switched off."""
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def parse_traceparent(value: str) -> SpanContext | None:
    """Return the remote span that a `traceparent` names, or None when it is malformed.

    Flags are read as bits: 03 (sampled and random) is as sampled as 01.
    """
    context = _PROPAGATOR.extract({_KEY: value.strip()})
    found = get_current_span(context).get_span_context()
    return found if found.is_valid else None
