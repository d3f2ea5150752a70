"""Trace and span ids of a mail, derived from the log: the same log gives the same ids."""

from collections.abc import Iterable
from hashlib import sha256, sha512

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from mail_exporter.mail import AttemptEnded, Mail
from mail_telemetry.names import SpanName
from mail_telemetry.propagation import parse_traceparent

ATTEMPT_SPANS = (SpanName.ATTEMPT, SpanName.WAIT, SpanName.QUEUE, SpanName.CONNECT, SpanName.TRANSMIT)


def trace_of(mail: Mail) -> SpanContext:
    """Return the trace of a mail: that of its request (then it is remote), or one derived from the queue id."""
    if mail.trace is None:
        mail.trace = (parse_traceparent(mail.traceparent) if mail.traceparent else None) or _derived(mail)
    return mail.trace


def parent_of(mail: Mail) -> SpanContext | None:
    """Return the span of the request that sent the mail, or None for a mail without trace context."""
    trace = trace_of(mail)
    return trace if trace.is_remote else None


def is_sampled(mail: Mail, sampler: Sampler) -> bool:
    """Return whether the mail is traced: like its request, unless OTEL_TRACES_SAMPLER decides otherwise."""
    if mail.is_sampled is None:
        trace = trace_of(mail)
        parent = set_span_in_context(NonRecordingSpan(trace), Context()) if trace.is_remote else None
        result = sampler.should_sample(parent, trace.trace_id, SpanName.RECEIVE)
        mail.is_sampled = result.decision is Decision.RECORD_AND_SAMPLE
    return mail.is_sampled


def mail_span(mail: Mail, name: SpanName) -> SpanContext:
    """Return the ids of a span that occurs once per mail."""
    digest = sha256(_bytes((mail.host, mail.queue_id, name))).digest()
    return _context(trace_of(mail), digest[:8])


def attempt_spans(event: AttemptEnded) -> dict[SpanName, SpanContext]:
    """Return the ids of an attempt's spans, by name."""
    mail = event.mail
    trace = trace_of(mail)
    digest = sha512(_bytes((mail.host, mail.queue_id, event.attempt.recipient, str(event.number)))).digest()
    return {name: _context(trace, digest[8 * place : 8 * place + 8]) for place, name in enumerate(ATTEMPT_SPANS)}


def attempt_span(event: AttemptEnded) -> SpanContext:
    """Return the ids of the span `postfix deliver`."""
    return attempt_spans(event)[SpanName.ATTEMPT]


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
