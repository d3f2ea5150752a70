"""Facts to numbers, described in `mail_telemetry.names`; every label value is there from the start."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from time import time
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from mail_exporter.events import (
    STAGES,
    TLS_DIRECTIONS,
    TLS_PROTOCOLS,
    TLS_TRUST,
    Abort,
    Aborted,
    AuthenticationFailed,
    Complained,
    Connected,
    Notice,
    NoticeSent,
    Reason,
    Rejected,
    Screened,
    Screening,
    Severity,
    Status,
    TlsEstablished,
    Turn,
    Turned,
)
from mail_exporter.facts import AttemptEnded, Fact, MailFinished, MailReceived
from mail_exporter.mail import Mail
from mail_exporter.relays import RELAY_DAEMONS, Relays
from mail_exporter.tables import CounterTable, HistogramTable
from mail_telemetry import names
from mail_telemetry.causes import Cause
from mail_telemetry.names import Entry, Outcome

LINE_RESULTS: Final = ("parsed", "foreign", "unsupported", "malformed")
_FORWARDED: Final = {False: "no", True: "yes"}
_REFUSED: Final = frozenset({Status.DEFERRED, Status.BOUNCED, Status.SOFTBOUNCE})


class LogMetrics(Collector):
    """The numbers that the log feeds.

    Args:
        registry: where they are read.
        relays: knows the configured relay.
        on_unknown: is told a reply whose cause is not in the table.
        trace_of: returns the id of the trace that a mail's numbers may point to, if any.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        relays: Relays | None = None,
        on_unknown: Callable[[str], object] = lambda _reply: None,
        trace_of: Callable[[Mail], str | None] = lambda _mail: None,
    ) -> None:
        self._relays = relays or Relays(None)
        self._on_unknown = on_unknown
        self._trace_of = trace_of
        self._slowest: AttemptEnded | None = None
        self._tables: list[CounterTable | HistogramTable] = []
        self.received = self._counter(names.MESSAGES_RECEIVED, Entry)
        self.sizes = self._histogram(names.MESSAGE_SIZE_BYTES)
        self.attempts = self._counter(names.DELIVERY_ATTEMPTS, Status, self._relays.labels)
        self.failures = self._counter(names.RELAY_FAILURES, Cause)
        self.suspended = self._counter(names.DELIVERIES_SUSPENDED, Cause)
        self.stages = self._histogram(names.DELIVERY_STAGE_SECONDS, STAGES)
        self.finished = self._counter(names.RECIPIENTS_FINISHED, Outcome, Entry, _FORWARDED.values())
        self.durations = self._histogram(names.DELIVERY_SECONDS, Outcome)
        self.notices = self._counter(names.NOTICES, Notice)
        self.tls = self._counter(names.TLS_SESSIONS, TLS_DIRECTIONS, TLS_PROTOCOLS, TLS_TRUST)
        self.connections = self._counter(names.SMTPD_CONNECTIONS, Entry)
        self.aborts = self._counter(names.SMTPD_ABORTS, Entry, Abort)
        self.rejects = self._counter(names.SMTPD_REJECTS, Entry, Reason)
        self.auth_failures = self._counter(names.SMTPD_AUTH_FAILURES, Entry)
        self.verdicts = self._counter(names.POSTSCREEN_VERDICTS, Screening)
        self.turns = self._counter(names.SERVER_TURNS, Turn)
        self.complaints = self._counter(names.COMPLAINTS, Severity)
        self.lines = self._counter(names.LOG_LINES, LINE_RESULTS)
        self.last_line = 0.0
        """Unix time of the newest line."""
        self._sizes = self.sizes.values[()]
        self._stages = [self.stages[stage] for stage in STAGES]
        self._durations = {outcome: self.durations[outcome] for outcome in Outcome}
        self._handlers: dict[type[Any], Callable[[Any, Entry], None]] = {
            NoticeSent: lambda event, _: self.notices.add(event.kind),
            TlsEstablished: lambda event, _: self.tls.add(*event),
            Connected: lambda _, entry: self.connections.add(entry),
            Aborted: lambda event, entry: self.aborts.add(entry, event.how),
            Rejected: lambda event, entry: self.rejects.add(entry, event.reason),
            AuthenticationFailed: lambda _, entry: self.auth_failures.add(entry),
            Screened: lambda event, _: self.verdicts.add(event.verdict),
            Turned: lambda event, _: self.turns.add(event.turn),
            Complained: lambda event, _: self.complaints.add(event.severity),
        }
        registry.register(self)

    def _counter(self, metric: names.Metric, *vocabularies: Iterable[str]) -> CounterTable:
        table = CounterTable(metric, *vocabularies)
        self._tables.append(table)
        return table

    def _histogram(self, metric: names.Metric, vocabulary: Iterable[str] = ()) -> HistogramTable:
        table = HistogramTable(metric, vocabulary)
        self._tables.append(table)
        return table

    def flush(self) -> None:
        """Let the slowest attempt since the last call name its trace; to be called behind each batch."""
        if self._slowest is not None:
            self._point(self._slowest)
            self._slowest = None

    def count_lines(self, number: int, **not_parsed: int) -> None:
        """Count so many lines, of which some were not understood, by result."""
        for result, count in not_parsed.items():
            self.lines.add(result, number=count)
        self.lines.add("parsed", number=number - sum(not_parsed.values()))

    def observe(self, fact: Fact, entry: Entry) -> None:
        """Count what a fact says; `entry` is that of the listener whose line it was."""
        if isinstance(fact, AttemptEnded):
            self._attempt_ended(fact)
        elif isinstance(fact, MailReceived):
            self.received.values[(fact.mail.entry,)] += 1
            self._sizes.observe(fact.mail.size)
        elif isinstance(fact, MailFinished):
            self._mail_finished(fact)
        else:
            self._handlers[type(fact)](fact, entry)

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        for table in self._tables:
            yield table.family()

    def _attempt_ended(self, fact: AttemptEnded) -> None:
        mail, attempt, outcome = fact.mail, fact.attempt, fact.outcome
        self.attempts.values[attempt.status, self._relays.label(fact.daemon, attempt.relay)] += 1
        if self._slowest is None or attempt.delay > self._slowest.attempt.delay:
            self._slowest = fact
        if not attempt.suspended:
            before_queue_manager, queue_manager, connection_setup, transmission = self._stages
            waited, queued, connecting, sending = attempt.delays
            # Postfix counts earlier waits into the first stage of a later attempt.
            if fact.number == 1:
                before_queue_manager.observe(waited)
            queue_manager.observe(queued)
            connection_setup.observe(connecting)
            transmission.observe(sending)
        if outcome is not None:
            self.finished.values[outcome, mail.entry, _FORWARDED[attempt.forwarded]] += 1
            self._durations[outcome].observe(attempt.delay)
        if fact.cause is not None and attempt.status in _REFUSED:
            self._refused(fact, fact.cause)

    def _point(self, fact: AttemptEnded) -> None:
        """Let the buckets of an attempt name its trace: of each batch the slowest one's, which one looks for."""
        trace_id = self._trace_of(fact.mail)
        if trace_id is None:
            return
        now = time()
        if not fact.attempt.suspended:
            counted = zip(STAGES, fact.attempt.delays, strict=True)
            for stage, seconds in islice(counted, int(fact.number > 1), None):
                self.stages[stage].point(seconds, trace_id, now)
        if fact.outcome is not None:
            self._durations[fact.outcome].point(fact.attempt.delay, trace_id, now)

    def _refused(self, fact: AttemptEnded, cause: Cause) -> None:
        attempt = fact.attempt
        if attempt.suspended:
            self.suspended.add(cause)
        elif fact.daemon in RELAY_DAEMONS:
            self.failures.add(cause)
            if cause is Cause.OTHER:
                self._on_unknown(attempt.text)

    def _mail_finished(self, fact: MailFinished) -> None:
        if fact.left:
            mail = fact.mail
            self.finished.add(fact.outcome, mail.entry, _FORWARDED[False], number=fact.left)
            for _number in range(fact.left):
                self._durations[fact.outcome].observe((mail.closed or mail.arrived) - mail.arrived)
