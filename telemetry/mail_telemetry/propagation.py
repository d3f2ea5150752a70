"""W3C Trace Context in a mail header (https://www.w3.org/TR/trace-context/): written by the API, read from the log.

The way of it: `Traceparent: 00-<trace id>-<span id>-<flags>` goes into the mail, Postfix's header_checks log
it beside the queue id, the exporter parents its spans with it, smtp_header_checks strip it before the mail leaves.
"""

from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

HEADER: Final = "Traceparent"
_KEY: Final = "traceparent"  # the propagator's getter knows lower-case keys only
_PROPAGATOR: Final = TraceContextTextMapPropagator()


def traceparent(context: Context | None = None) -> str | None:
    """Return the header's value for the current span, or None when there is no valid span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context)
    return carrier.get(_KEY)


def parse_traceparent(value: str) -> SpanContext | None:
    """Return the remote span that a header's value names, or None when it is malformed.

    Flags are read as bits: 03 (sampled and random) is as sampled as 01.
    """
    context = _PROPAGATOR.extract({_KEY: value.strip()})
    found = get_current_span(context).get_span_context()
    return found if found.is_valid else None
