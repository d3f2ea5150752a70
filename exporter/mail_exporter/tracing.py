"""Facts to spans: pure, with times and ids that come from the log, so that the same log makes the same spans.

    smtp submit (mail-api)
    └─ postfix receive          arrival … handed to the queue manager
       ├─ postfix queue         … a delivery agent takes it up (first attempt)
       │  └─ postfix deliver    per recipient, with the relay's answer as event
       │     ├─ postfix connect
       │     └─ postfix transmit
       └─ postfix queue         the wait for the second attempt, and so on

Every span is complete when its attempt is logged, so that a mail that is stuck for days can be looked at at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final, Protocol

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from mail_exporter.facts import AttemptEnded
from mail_exporter.mail import Mail
from mail_telemetry.masking import domain_of, mask_text
from mail_telemetry.names import REPLY_EVENT, Attribute, SpanName
from mail_telemetry.propagation import parse_traceparent

_SCOPE: Final = InstrumentationScope("mail_exporter")
_NANOSECONDS: Final = 1_000_000_000

Attributes = Mapping[str, str | int | float]


class SpanSink(Protocol):
    """Takes finished spans."""

    def send(self, spans: Iterable[ReadableSpan]) -> None:
        """Take them; what can't be taken is the sink's business."""


class SpanFactory:
    """Makes the spans of Postfix's part of a trace; `resource` names mail-server as the service."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    def spans(self, fact: AttemptEnded) -> Iterator[ReadableSpan]:
        """Yield the spans that an attempt completes; none when the request's trace is not sampled."""
        mail, attempt, number = fact.mail, fact.attempt, fact.number
        parent = _parent(mail)
        trace = trace_of(mail)
        if not trace.trace_flags.sampled:
            return
        receive = _context(trace, mail.host, mail.id, SpanName.RECEIVE)
        queue = _context(trace, mail.host, mail.id, SpanName.QUEUE, str(number))
        deliver = _context(trace, mail.host, mail.id, SpanName.ATTEMPT, attempt.recipient, str(number))
        common = _mail_attributes(mail)
        if fact.first_of_number:
            if number == 1:
                times = (mail.arrived, fact.waiting_since)
                yield self._span(SpanName.RECEIVE, receive, parent, times, common, kind=SpanKind.SERVER)
            numbered = common | {Attribute.ATTEMPT_NUMBER: number}
            yield self._span(SpanName.QUEUE, queue, receive, (fact.waiting_since, fact.started), numbered)
        yield self._attempt_span(fact, deliver, queue, common)
        if attempt.relay != "none":
            for name, times in (
                (SpanName.CONNECT, (fact.started, fact.connected)),
                (SpanName.TRANSMIT, (fact.connected, fact.ended)),
            ):
                stage = _context(trace, mail.host, mail.id, name, attempt.recipient, str(number))
                yield self._span(name, stage, deliver, times, {Attribute.QUEUE_ID: mail.queue_id})

    def _attempt_span(
        self, fact: AttemptEnded, context: SpanContext, parent: SpanContext, common: dict[str, str | int]
    ) -> ReadableSpan:
        attempt = fact.attempt
        reply = mask_text(attempt.text)
        attributes: dict[str, str | int] = {
            **common,
            Attribute.ATTEMPT_NUMBER: fact.number,
            Attribute.RECIPIENT_DOMAIN: domain_of(attempt.recipient),
            Attribute.STATUS: attempt.status.value,
            Attribute.DSN: attempt.dsn,
            **_server(attempt.relay),
        }
        status = Status(StatusCode.OK)
        if fact.cause is not None:
            attributes |= {Attribute.CAUSE: fact.cause.value, Attribute.ERROR_TYPE: fact.cause.value}
            status = Status(StatusCode.ERROR, f"{attempt.status.value}: {reply}")
        answered = Event(REPLY_EVENT, {Attribute.REPLY: reply}, timestamp=_nanoseconds(fact.ended))
        return self._span(
            SpanName.ATTEMPT,
            context,
            parent,
            (fact.started, fact.ended),
            attributes,
            kind=SpanKind.CLIENT,
            events=(answered,),
            status=status,
        )

    def _span(  # noqa: PLR0913 - a span has as many parts
        self,
        name: SpanName,
        context: SpanContext,
        parent: SpanContext | None,
        times: tuple[float, float],
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        events: tuple[Event, ...] = (),
        status: Status | None = None,
    ) -> ReadableSpan:
        return ReadableSpan(
            name=name.value,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes={str(key): value for key, value in attributes.items()},
            events=events,
            kind=kind,
            status=status or Status(StatusCode.UNSET),
            start_time=_nanoseconds(times[0]),
            end_time=_nanoseconds(max(times)),
            instrumentation_scope=_SCOPE,
        )


def _parent(mail: Mail) -> SpanContext | None:
    return parse_traceparent(mail.traceparent) if mail.traceparent else None


def trace_of(mail: Mail) -> SpanContext:
    """Return the trace a mail belongs to: its request's, or one that derives from its queue id."""
    parent = _parent(mail)
    if parent is not None:
        return parent
    digest = sha256(f"trace\0{mail.host}\0{mail.id}".encode()).digest()
    return SpanContext(
        trace_id=int.from_bytes(digest[:16]),
        span_id=int.from_bytes(digest[16:24]),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _context(trace: SpanContext, *parts: str) -> SpanContext:
    digest = sha256("\0".join(parts).encode("utf-8", "surrogateescape")).digest()
    return SpanContext(
        trace_id=trace.trace_id,
        span_id=int.from_bytes(digest[:8]) or 1,
        is_remote=False,
        trace_flags=trace.trace_flags,
    )


def _mail_attributes(mail: Mail) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        Attribute.QUEUE_ID: mail.queue_id,
        Attribute.ENTRY: mail.entry.value,
        Attribute.SIZE: mail.size,
        Attribute.RECIPIENT_COUNT: mail.recipient_count,
    }
    if mail.api_id:
        attributes[Attribute.MESSAGE_ID] = mail.api_id
    return attributes


def _server(relay: str) -> dict[str, str | int]:
    """Return server.address and server.port of `host[address]:port`, or the agent's own name as `local`."""
    host, _, rest = relay.partition("[")
    _, _, port = rest.rpartition(":")
    if not port.isdigit():
        return {Attribute.SERVER_ADDRESS: host} if relay != "none" else {}
    return {Attribute.SERVER_ADDRESS: host, Attribute.SERVER_PORT: int(port)}


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)
