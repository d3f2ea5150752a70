"""Which trace a mail belongs to, and the ids of its spans: both derive from the log, which so makes the same twice."""

from collections.abc import Iterable
from hashlib import sha256, sha512

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from mail_exporter.facts import AttemptEnded
from mail_exporter.mail import Mail
from mail_telemetry.names import SpanName
from mail_telemetry.propagation import parse_traceparent

ATTEMPT_SPANS = (SpanName.ATTEMPT, SpanName.WAIT, SpanName.QUEUE, SpanName.CONNECT, SpanName.TRANSMIT)


def trace_of(mail: Mail) -> SpanContext:
    """Return the trace a mail belongs to: its request's (then it is remote), or one that derives from its queue id."""
    if mail.trace is None:
        mail.trace = (parse_traceparent(mail.traceparent) if mail.traceparent else None) or _derived(mail)
    return mail.trace


def parent_of(mail: Mail) -> SpanContext | None:
    """Return the span of the request that the mail came from, or None for a mail without trace context."""
    trace = trace_of(mail)
    return trace if trace.is_remote else None


def is_sampled(mail: Mail, sampler: Sampler) -> bool:
    """Tell whether the mail is traced: as its request was, unless OTEL_TRACES_SAMPLER says otherwise."""
    if mail.is_sampled is None:
        trace = trace_of(mail)
        parent = set_span_in_context(NonRecordingSpan(trace), Context()) if trace.is_remote else None
        result = sampler.should_sample(parent, trace.trace_id, SpanName.RECEIVE)
        mail.is_sampled = result.decision is Decision.RECORD_AND_SAMPLE
    return mail.is_sampled


def mail_span(mail: Mail, name: SpanName) -> SpanContext:
    """Return the ids of a span of which a mail has one."""
    digest = sha256(_bytes((mail.host, mail.queue_id, name))).digest()
    return _context(trace_of(mail), digest[:8])


def attempt_spans(fact: AttemptEnded) -> dict[SpanName, SpanContext]:
    """Return the ids of an attempt's spans, of which a mail has one for each recipient and try."""
    mail = fact.mail
    trace = trace_of(mail)
    digest = sha512(_bytes((mail.host, mail.queue_id, fact.attempt.recipient, str(fact.number)))).digest()
    return {name: _context(trace, digest[8 * place : 8 * place + 8]) for place, name in enumerate(ATTEMPT_SPANS)}


def attempt_span(fact: AttemptEnded) -> SpanContext:
    """Return the ids of an attempt's own span."""
    return attempt_spans(fact)[SpanName.ATTEMPT]


def _derived(mail: Mail) -> SpanContext:
    digest = sha256(_bytes(("trace", mail.host, mail.queue_id))).digest()
    return SpanContext(
        trace_id=int.from_bytes(digest[:16]),
        span_id=int.from_bytes(digest[16:24]),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _bytes(parts: Iterable[str]) -> bytes:
    return "\0".join(parts).encode("utf-8", "surrogateescape")


def _context(trace: SpanContext, span_id: bytes) -> SpanContext:
    return SpanContext(
        trace_id=trace.trace_id,
        span_id=int.from_bytes(span_id) or 1,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
