"""Facts to spans: pure, with times and ids that come from the log, so that the same log makes the same spans.

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

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Protocol

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from mail_exporter import attributes as told
from mail_exporter.attributes import Attributes
from mail_exporter.facts import AttemptEnded, MailFinished
from mail_exporter.mail import Mail
from mail_exporter.relays import RELAY_DAEMONS
from mail_exporter.traces import EVERYTHING, attempt_spans, is_sampled, mail_span, parent_of, trace_of
from mail_telemetry.names import REPLY_EVENT, Attribute, Relation, SpanName, Stage

_SCOPE: Final = InstrumentationScope("mail_exporter")
_NANOSECONDS: Final = 1_000_000_000
_UNSET: Final = Status(StatusCode.UNSET)
_OK: Final = Status(StatusCode.OK)

Times = tuple[float, float]


class SpanSink(Protocol):
    """Takes finished spans."""

    def send(self, spans: Iterable[ReadableSpan]) -> None:
        """Take them; what can't be taken is the sink's business."""


class _StageSpan(NamedTuple):
    name: SpanName
    stage: Stage
    times: Times


class SpanFactory:
    """Makes the spans of Postfix's part of a trace.

    Args:
        resource: names mail-server as the service.
        sampler: decides which mails are traced.
    """

    def __init__(self, resource: Resource, sampler: Sampler = EVERYTHING) -> None:
        self._resource = resource
        self._sampler = sampler

    def exemplar(self, mail: Mail) -> str | None:
        """Return the id of the mail's trace, or None when it is not sampled."""
        return f"{trace_of(mail).trace_id:032x}" if is_sampled(mail, self._sampler) else None

    def spans(self, fact: AttemptEnded | MailFinished) -> Iterator[ReadableSpan]:
        """Yield the spans that an attempt or a mail's end completes; none when the mail's trace is not sampled."""
        if not is_sampled(fact.mail, self._sampler):
            return
        if isinstance(fact, MailFinished):
            yield from self._finish(fact)
            return
        if fact.ordinal == 1:
            yield self._receive(fact.mail, fact.activated, told.precision(fact.attempt.delays[0]))
        yield from self._attempt(fact)

    def _receive(self, mail: Mail, end: float, precision: float) -> ReadableSpan:
        return self._span(
            SpanName.RECEIVE,
            mail_span(mail, SpanName.RECEIVE),
            parent_of(mail),
            (mail.arrived, end),
            told.of_mail(mail) | {Attribute.TIME_PRECISION: max(precision, told.arrival_precision(mail))},
            kind=SpanKind.SERVER,
            links=(_link(mail.about, Relation.ABOUT),) if mail.about is not None else (),
        )

    def _attempt(self, fact: AttemptEnded) -> Iterator[ReadableSpan]:
        mail, attempt = fact.mail, fact.attempt
        contexts = attempt_spans(fact)
        deliver = contexts[SpanName.ATTEMPT]
        cause = fact.cause
        precision = max(told.precision(attempt.delay), told.arrival_precision(mail))
        reply = told.reply_of(attempt)
        yield self._span(
            SpanName.ATTEMPT,
            deliver,
            mail_span(mail, SpanName.RECEIVE),
            (fact.began, fact.ended),
            told.of_attempt(fact) | {Attribute.TIME_PRECISION: precision},
            events=(Event(REPLY_EVENT, {Attribute.REPLY.value: reply}, timestamp=_nanoseconds(fact.ended)),),
            status=_OK if cause is None else Status(StatusCode.ERROR, f"{attempt.status.value}: {reply}"),
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
            yield self._span(
                name,
                contexts[name],
                deliver,
                times,
                common | (server if is_remote else {}) | (told.of_failure(cause) if cause and name is failed else {}),
                kind=SpanKind.CLIENT if is_remote else SpanKind.INTERNAL,
                status=Status(StatusCode.ERROR) if name is failed else _UNSET,
            )

    def _finish(self, fact: MailFinished) -> Iterator[ReadableSpan]:
        mail = fact.mail
        last, end = told.end_of(fact)
        if not mail.attempts:  # deleted before anybody tried: nothing was told of it yet
            yield self._receive(mail, end, told.LOG_STAMP_SECONDS)
        yield self._span(
            SpanName.FINISH,
            mail_span(mail, SpanName.FINISH),
            mail_span(mail, SpanName.RECEIVE),
            (last, end),
            told.of_finish(fact) | {Attribute.TIME_PRECISION: told.LOG_STAMP_SECONDS},
            links=tuple(_link(notice, Relation.NOTICE) for notice in mail.notices),
            status=_OK if told.arrived(fact) else Status(StatusCode.ERROR, fact.outcome.value),
        )

    def _span(  # noqa: PLR0913 - a span has as many parts
        self,
        name: SpanName,
        context: SpanContext,
        parent: SpanContext | None,
        times: Times,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        events: tuple[Event, ...] = (),
        links: tuple[Link, ...] = (),
        status: Status = _UNSET,
    ) -> ReadableSpan:
        return ReadableSpan(
            name=name.value,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes=attributes,
            events=events,
            links=links,
            kind=kind,
            status=status,
            start_time=_nanoseconds(times[0]),
            end_time=_nanoseconds(times[1]),
            instrumentation_scope=_SCOPE,
        )


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
