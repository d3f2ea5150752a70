"""Spans of delivery attempts and mails, with times and ids from the log: the same log produces the same spans.

    smtp submit (mail-api)
    └─ postfix receive          arrival … activated by the queue manager
       ├─ postfix deliver       one per recipient and attempt, with the relay's reply as an event
       │  ├─ postfix wait       before the queue manager: received, later deferred
       │  ├─ postfix queue      in the active queue
       │  ├─ postfix connect
       │  └─ postfix transmit
       ├─ postfix deliver       the second attempt, and so on
       └─ postfix finish        the mail left the queue

All spans of an attempt are exported when its line is read, so the trace of a mail that waits for days can be viewed
while it waits. docs/traces-and-logs.md describes the spans; tests compare this file with `mail_telemetry.spans`.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from mail_exporter import attributes
from mail_exporter.attributes import Attributes
from mail_exporter.delivery_agents import RELAY_DAEMONS
from mail_exporter.mail import AttemptEnded, Mail, MailFinished
from mail_exporter.span_ids import attempt_spans, is_sampled, mail_span, parent_of, trace_of
from mail_telemetry.names import REPLY_EVENT, Attribute, DeliveryStage, Relation, SpanName

_NANOSECONDS: Final = 1_000_000_000
_UNSET: Final = Status(StatusCode.UNSET)
_ERROR: Final = Status(StatusCode.ERROR)
_OK: Final = Status(StatusCode.OK)

Times = tuple[float, float]


class LogIdGenerator(IdGenerator):
    """Returns the ids of the next span, which the emitter derives from the log."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        """Return the trace id of a span without a parent."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """Return the span's id."""
        return self.span_id


class _StageSpan(NamedTuple):
    name: SpanName
    stage: DeliveryStage
    times: Times


class SpanEmitter:
    """Emits the spans of Postfix's part of a trace.

    Args:
        provider: the tracer provider; its sampler decides which mails are traced.
        ids: the provider's id generator.
        wait_for_room: waits while many spans are queued for export, so that reading a backlog drops no span.
        wait_every: the number of spans between two calls of `wait_for_room`.
    """

    def __init__(
        self,
        provider: TracerProvider,
        ids: LogIdGenerator,
        wait_for_room: Callable[[], None] = lambda: None,
        wait_every: int = 256,
    ) -> None:
        self._tracer = provider.get_tracer("mail_exporter")
        self._sampler = provider.sampler
        self._ids = ids
        self._wait_for_room = wait_for_room
        self._wait_every = wait_every
        self._since_wait = 0

    def exemplar(self, mail: Mail) -> str | None:
        """Return the id of the mail's trace, or None when it is not sampled."""
        return f"{trace_of(mail).trace_id:032x}" if is_sampled(mail, self._sampler) else None

    def emit(self, event: AttemptEnded | MailFinished) -> None:
        """Emit the spans of an ended attempt or a finished mail; none when the mail's trace is not sampled."""
        if not is_sampled(event.mail, self._sampler):
            return
        if self._since_wait >= self._wait_every:
            self._since_wait = 0
            self._wait_for_room()
        if isinstance(event, MailFinished):
            self._emit_finish(event)
            return
        if event.ordinal == 1:
            self._emit_receive(event.mail, event.activated, attributes.precision(event.attempt.delays[0]))
        self._emit_attempt(event)

    def _emit_receive(self, mail: Mail, end: float, precision: float) -> None:
        self._emit(
            SpanName.RECEIVE,
            mail_span(mail, SpanName.RECEIVE),
            parent_of(mail),
            (mail.arrived, end),
            attributes.of_mail(mail) | {Attribute.TIME_PRECISION: max(precision, attributes.arrival_precision(mail))},
            kind=SpanKind.SERVER,
            links=(_link(mail.about, Relation.ABOUT),) if mail.about is not None else (),
        )

    def _emit_attempt(self, event: AttemptEnded) -> None:
        mail, attempt = event.mail, event.attempt
        contexts = attempt_spans(event)
        deliver = contexts[SpanName.ATTEMPT]
        cause = event.cause
        precision = max(attributes.precision(attempt.delay), attributes.arrival_precision(mail))
        self._emit(
            SpanName.ATTEMPT,
            deliver,
            mail_span(mail, SpanName.RECEIVE),
            (event.began, event.ended),
            attributes.of_attempt(event) | {Attribute.TIME_PRECISION: precision},
            reply=attempt.text,
            status=_OK if cause is None else Status(StatusCode.ERROR, f"{attempt.status.value}: {attempt.text}"),
        )
        last = attributes.last_stage(
            event.daemon,
            attempt.text,
            suspended=attempt.suspended,
            delivered=cause is None,
            sending=attempt.delays[3],
        )
        failed = last if cause is not None else None
        server = attributes.of_server(attempt.relay)
        for name, stage, times in _stages(event, last):
            common: Attributes = {Attribute.STAGE: stage.value, Attribute.TIME_PRECISION: precision}
            is_remote = name in (SpanName.CONNECT, SpanName.TRANSMIT) and event.daemon in RELAY_DAEMONS
            self._emit(
                name,
                contexts[name],
                deliver,
                times,
                common
                | (server if is_remote else {})
                | (attributes.of_failure(cause) if cause and name is failed else {}),
                kind=SpanKind.CLIENT if is_remote else SpanKind.INTERNAL,
                status=_ERROR if name is failed else _UNSET,
            )

    def _emit_finish(self, event: MailFinished) -> None:
        mail = event.mail
        last, end = attributes.finish_times(event)
        if not mail.attempts:  # deleted before the first attempt: the receive span is missing
            self._emit_receive(mail, end, attributes.LOG_STAMP_SECONDS)
        self._emit(
            SpanName.FINISH,
            mail_span(mail, SpanName.FINISH),
            mail_span(mail, SpanName.RECEIVE),
            (last, end),
            attributes.of_finish(event) | {Attribute.TIME_PRECISION: attributes.LOG_STAMP_SECONDS},
            links=tuple(_link(notice, Relation.NOTICE) for notice in mail.notices),
            status=_OK if attributes.is_delivered(event) else Status(StatusCode.ERROR, event.outcome.value),
        )

    def _emit(  # noqa: PLR0913 - a span has this many parts
        self,
        name: SpanName,
        ids: SpanContext,
        parent: SpanContext | None,
        times: Times,
        values: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        reply: str | None = None,
        links: tuple[Link, ...] = (),
        status: Status = _UNSET,
    ) -> None:
        self._ids.trace_id, self._ids.span_id = ids.trace_id, ids.span_id
        self._since_wait += 1
        span: Span = self._tracer.start_span(
            name.value,
            Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context()),
            kind,
            values,
            links,
            start_time=_nanoseconds(times[0]),
        )
        end = _nanoseconds(times[1])
        if reply is not None:
            span.add_event(REPLY_EVENT, {Attribute.REPLY.value: reply}, timestamp=end)
        span.set_status(status)
        span.end(end)


def _stages(event: AttemptEnded, last: SpanName) -> Iterator[_StageSpan]:
    """Yield the stages of an attempt; each begins where the previous one ended."""
    yield _StageSpan(SpanName.WAIT, DeliveryStage.BEFORE_QUEUE_MANAGER, (event.began, event.activated))
    yield _StageSpan(SpanName.QUEUE, DeliveryStage.QUEUE_MANAGER, (event.activated, event.started))
    if last is not SpanName.QUEUE and event.daemon in RELAY_DAEMONS:
        yield _StageSpan(SpanName.CONNECT, DeliveryStage.CONNECTION_SETUP, (event.started, event.connected))
    if last is SpanName.TRANSMIT:
        yield _StageSpan(SpanName.TRANSMIT, DeliveryStage.TRANSMISSION, (event.connected, event.ended))


def _link(mail: Mail, relation: Relation) -> Link:
    return Link(mail_span(mail, SpanName.RECEIVE), {Attribute.RELATION.value: relation.value})


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)
