"""Facts to spans, with times and ids that come from the log: the same log makes the same spans.

    smtp submit (mail-api)
    └─ postfix receive          arrival … handed to the queue manager
       ├─ postfix deliver       one per recipient and try, with the relay's answer as event
       │  ├─ postfix wait       before the queue manager: received, later deferred
       │  ├─ postfix queue      in the queue manager's hands
       │  ├─ postfix connect
       │  └─ postfix transmit
       ├─ postfix deliver       the second try, and so on
       └─ postfix finish        the mail left the queue

Every span is complete when its attempt is logged, so that a mail that is stuck for days can be looked at at once.
docs/traces-and-logs.md describes them; `mail_telemetry.spans` is what a test holds this file against.
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

from mail_exporter import attributes as told
from mail_exporter.attributes import Attributes
from mail_exporter.facts import AttemptEnded, MailFinished
from mail_exporter.mail import Mail
from mail_exporter.relays import RELAY_DAEMONS
from mail_exporter.span_ids import attempt_spans, is_sampled, mail_span, parent_of, trace_of
from mail_telemetry.names import REPLY_EVENT, Attribute, Relation, SpanName, Stage

_NANOSECONDS: Final = 1_000_000_000
_UNSET: Final = Status(StatusCode.UNSET)
_ERROR: Final = Status(StatusCode.ERROR)
_OK: Final = Status(StatusCode.OK)

Times = tuple[float, float]


class LogIdGenerator(IdGenerator):
    """Hands the SDK the ids of the span that is made next, which derive from the log."""

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
    stage: Stage
    times: Times


class SpanEmitter:
    """Emits the spans of Postfix's part of a trace.

    Args:
        provider: makes the spans; its sampler decides which mails are traced.
        ids: the provider's id generator.
        wait_for_room: waits while many spans wait for export, so that a backlog of log lines loses none.
        wait_every: spans between two calls of that.
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

    def emit(self, fact: AttemptEnded | MailFinished) -> None:
        """Emit the spans that an attempt or a mail's end completes; none when the mail's trace is not sampled."""
        if not is_sampled(fact.mail, self._sampler):
            return
        if self._since_wait >= self._wait_every:
            self._since_wait = 0
            self._wait_for_room()
        if isinstance(fact, MailFinished):
            self._emit_finish(fact)
            return
        if fact.ordinal == 1:
            self._emit_receive(fact.mail, fact.activated, told.precision(fact.attempt.delays[0]))
        self._emit_attempt(fact)

    def _emit_receive(self, mail: Mail, end: float, precision: float) -> None:
        self._emit(
            SpanName.RECEIVE,
            mail_span(mail, SpanName.RECEIVE),
            parent_of(mail),
            (mail.arrived, end),
            told.of_mail(mail) | {Attribute.TIME_PRECISION: max(precision, told.arrival_precision(mail))},
            kind=SpanKind.SERVER,
            links=(_link(mail.about, Relation.ABOUT),) if mail.about is not None else (),
        )

    def _emit_attempt(self, fact: AttemptEnded) -> None:
        mail, attempt = fact.mail, fact.attempt
        contexts = attempt_spans(fact)
        deliver = contexts[SpanName.ATTEMPT]
        cause = fact.cause
        precision = max(told.precision(attempt.delay), told.arrival_precision(mail))
        self._emit(
            SpanName.ATTEMPT,
            deliver,
            mail_span(mail, SpanName.RECEIVE),
            (fact.began, fact.ended),
            told.of_attempt(fact) | {Attribute.TIME_PRECISION: precision},
            reply=attempt.text,
            status=_OK if cause is None else Status(StatusCode.ERROR, f"{attempt.status.value}: {attempt.text}"),
        )
        last = told.last_stage(
            fact.daemon,
            attempt.text,
            suspended=attempt.suspended,
            delivered=cause is None,
            sending=attempt.delays[3],
        )
        failed = last if cause is not None else None
        server = told.of_server(attempt.relay)
        for name, stage, times in _stages(fact, last):
            common: Attributes = {Attribute.STAGE: stage.value, Attribute.TIME_PRECISION: precision}
            is_remote = name in (SpanName.CONNECT, SpanName.TRANSMIT) and fact.daemon in RELAY_DAEMONS
            self._emit(
                name,
                contexts[name],
                deliver,
                times,
                common | (server if is_remote else {}) | (told.of_failure(cause) if cause and name is failed else {}),
                kind=SpanKind.CLIENT if is_remote else SpanKind.INTERNAL,
                status=_ERROR if name is failed else _UNSET,
            )

    def _emit_finish(self, fact: MailFinished) -> None:
        mail = fact.mail
        last, end = told.end_of(fact)
        if not mail.attempts:  # deleted before the first attempt: no span of it was emitted yet
            self._emit_receive(mail, end, told.LOG_STAMP_SECONDS)
        self._emit(
            SpanName.FINISH,
            mail_span(mail, SpanName.FINISH),
            mail_span(mail, SpanName.RECEIVE),
            (last, end),
            told.of_finish(fact) | {Attribute.TIME_PRECISION: told.LOG_STAMP_SECONDS},
            links=tuple(_link(notice, Relation.NOTICE) for notice in mail.notices),
            status=_OK if told.arrived(fact) else Status(StatusCode.ERROR, fact.outcome.value),
        )

    def _emit(  # noqa: PLR0913 - a span has as many parts
        self,
        name: SpanName,
        ids: SpanContext,
        parent: SpanContext | None,
        times: Times,
        attributes: Attributes,
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
            attributes,
            links,
            start_time=_nanoseconds(times[0]),
        )
        end = _nanoseconds(times[1])
        if reply is not None:
            span.add_event(REPLY_EVENT, {Attribute.REPLY.value: reply}, timestamp=end)
        span.set_status(status)
        span.end(end)


def _stages(fact: AttemptEnded, last: SpanName) -> Iterator[_StageSpan]:
    """Yield the stages that an attempt went through; each begins where the one before ended."""
    yield _StageSpan(SpanName.WAIT, Stage.BEFORE_QUEUE_MANAGER, (fact.began, fact.activated))
    yield _StageSpan(SpanName.QUEUE, Stage.QUEUE_MANAGER, (fact.activated, fact.started))
    if last is not SpanName.QUEUE and fact.daemon in RELAY_DAEMONS:
        yield _StageSpan(SpanName.CONNECT, Stage.CONNECTION_SETUP, (fact.started, fact.connected))
    if last is SpanName.TRANSMIT:
        yield _StageSpan(SpanName.TRANSMIT, Stage.TRANSMISSION, (fact.connected, fact.ended))


def _link(mail: Mail, relation: Relation) -> Link:
    return Link(mail_span(mail, SpanName.RECEIVE), {Attribute.RELATION.value: relation.value})


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)
