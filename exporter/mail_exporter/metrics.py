"""Metrics of the log: counters and histograms of mails, attempts, sessions and log lines.

`mail_telemetry.names` describes them. Values are plain numbers that are cheap to count, and become metric families
when they are scraped. Every label value exists from the start and no other is ever added, so that no log, however
hostile, can create a time series.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, product
from time import time
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from mail_exporter.delivery_agents import NONE, RELAY_DAEMONS, RelayLabels
from mail_exporter.events import (
    STAGES,
    TLS_DIRECTIONS,
    TLS_PROTOCOLS,
    TLS_TRUST,
    AbortKind,
    AuthenticationFailed,
    ClientConnected,
    ClientRejected,
    ClientScreened,
    DeliveryStatus,
    ForwardCounted,
    HostFailed,
    LogNote,
    LogSeverity,
    NoteLogged,
    NoticeKind,
    NoticeSent,
    PostscreenVerdict,
    ProblemLogged,
    RejectReason,
    ServerState,
    ServerStateChanged,
    SessionAborted,
    TlsEstablished,
)
from mail_exporter.mail import AttemptEnded, Mail, MailFinished, MailReceived, TrackedEvent
from mail_telemetry.cause_rules import built_in_classifier
from mail_telemetry.causes import Cause
from mail_telemetry.metrics import MetricDescription, exporter
from mail_telemetry.names import Entry, Outcome

Labels = tuple[str, ...]

LINE_RESULTS: Final = ("parsed", "foreign", "unsupported", "malformed")
_FORWARDED: Final = {False: "no", True: "yes"}
_NOT_DELIVERED: Final = frozenset({DeliveryStatus.DEFERRED, DeliveryStatus.BOUNCED, DeliveryStatus.SOFTBOUNCE})


class CounterTable:
    """A counter for each combination of label values."""

    def __init__(self, metric: MetricDescription, *vocabularies: Iterable[str]) -> None:
        self._metric = metric
        self.values: dict[Labels, int] = {tuple(map(str, labels)): 0 for labels in product(*map(list, vocabularies))}

    def add(self, *labels: str, number: int = 1) -> None:
        """Add to the counter of these labels.

        Raises:
            KeyError: a label value is not one of the known ones.
        """
        self.values[labels] += number

    def family(self) -> CounterMetricFamily:
        """Return the metric family for a scrape."""
        family = CounterMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


class Histogram:
    """A histogram with fixed buckets."""

    __slots__ = ("bounds", "counts", "exemplars", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.exemplars: list[Exemplar | None] = [None] * (len(bounds) + 1)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value in its bucket."""
        # Not bisect_left: in a compiled module, calling it takes longer than this loop.
        index = 0
        for bound in self.bounds:
            if value <= bound:
                break
            index += 1
        self.counts[index] += 1
        self.total += value

    def attach_exemplar(self, value: float, trace_id: str, timestamp: float) -> None:
        """Attach a trace id to the bucket of the value."""
        self.exemplars[bisect_left(self.bounds, value)] = Exemplar({"trace_id": trace_id}, value, timestamp)


class HistogramTable:
    """A histogram for each value of one label, or a single histogram without labels."""

    def __init__(self, metric: MetricDescription, vocabulary: Iterable[str] = ()) -> None:
        self._metric = metric
        self._names = (*map(floatToGoString, metric.buckets), "+Inf")
        values: list[Labels] = [(str(value),) for value in vocabulary] or [()]
        self.values: dict[Labels, Histogram] = {labels: Histogram(metric.buckets) for labels in values}

    def __getitem__(self, label: str) -> Histogram:
        return self.values[(label,)]

    def family(self) -> HistogramMetricFamily:
        """Return the metric family for a scrape."""
        family = HistogramMetricFamily(self._metric.name, self._metric.help, labels=self._metric.labels)
        for labels, histogram in self.values.items():
            counts = list(histogram.counts)
            below = [
                (name, sum(counts[: index + 1]), exemplar)
                for index, (name, exemplar) in enumerate(zip(self._names, histogram.exemplars, strict=True))
            ]
            family.add_metric(labels, below, histogram.total)  # type: ignore[arg-type]  # takes None for an exemplar
        return family


class LogMetrics(Collector):
    """Counts the events of the log.

    Args:
        registry: where the metrics are registered.
        relays: the values of the label `relay`.
        on_unknown: called with each reply whose cause is not in the table.
        trace_of: returns the trace id for the exemplars of a mail, or None.
        cause_of: returns the cause of a failed attempt; by default, by the built-in rules.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        relays: RelayLabels | None = None,
        on_unknown: Callable[[str], object] = lambda _reply: None,
        trace_of: Callable[[Mail], str | None] = lambda _mail: None,
        cause_of: Callable[[str, str], Cause] | None = None,
    ) -> None:
        self._cause_of = cause_of or built_in_classifier().cause
        self._relays = relays or RelayLabels(None)
        self._on_unknown = on_unknown
        self._trace_of = trace_of
        self._slowest: AttemptEnded | None = None
        self._tables: list[CounterTable | HistogramTable] = []
        self.received = self._counter(exporter.MESSAGES_RECEIVED, Entry)
        self.sizes = self._histogram(exporter.MESSAGE_SIZE_BYTES)
        self.attempts = self._counter(exporter.DELIVERY_ATTEMPTS, DeliveryStatus, self._relays.labels)
        self.failures = self._counter(exporter.RELAY_FAILURES, Cause)
        self.host_failures = self._counter(exporter.HOST_FAILURES, self._relays.labels, Cause)
        self.suspended = self._counter(exporter.DELIVERIES_SUSPENDED, Cause)
        self.stages = self._histogram(exporter.DELIVERY_STAGE_SECONDS, STAGES)
        self.finished = self._counter(exporter.RECIPIENTS_FINISHED, Outcome, Entry, _FORWARDED.values())
        self.durations = self._histogram(exporter.DELIVERY_SECONDS, Outcome)
        self.notices = self._counter(exporter.NOTICES, NoticeKind)
        self.tls = self._counter(exporter.TLS_SESSIONS, TLS_DIRECTIONS, TLS_PROTOCOLS, TLS_TRUST)
        self.connections = self._counter(exporter.SMTPD_CONNECTIONS, Entry)
        self.aborts = self._counter(exporter.SMTPD_ABORTS, Entry, AbortKind)
        self.rejects = self._counter(exporter.SMTPD_REJECTS, Entry, RejectReason)
        self.auth_failures = self._counter(exporter.SMTPD_AUTH_FAILURES, Entry)
        self.forwards = self._counter(exporter.FORWARD_LIMIT_USED)
        self.verdicts = self._counter(exporter.POSTSCREEN_VERDICTS, PostscreenVerdict)
        self.turns = self._counter(exporter.SERVER_TURNS, ServerState)
        self.complaints = self._counter(exporter.COMPLAINTS, LogSeverity)
        self.notes = self._counter(exporter.LOG_NOTES, LogNote)
        self.lines = self._counter(exporter.LOG_LINES, LINE_RESULTS)
        self.last_line = 0.0
        """Unix time of the newest line."""
        self._sizes = self.sizes.values[()]
        self._stages = [self.stages[stage] for stage in STAGES]
        self._durations = {outcome: self.durations[outcome] for outcome in Outcome}
        self._handlers: dict[type[Any], Callable[[Any, Entry], None]] = {
            NoticeSent: lambda event, _: self.notices.add(event.kind),
            TlsEstablished: lambda event, _: self.tls.add(event.direction, event.protocol, event.trust),
            SessionAborted: lambda event, entry: self.aborts.add(entry, event.kind),
            ClientRejected: lambda event, entry: self.rejects.add(entry, event.reason),
            AuthenticationFailed: lambda _, entry: self.auth_failures.add(entry),
            ForwardCounted: lambda event, _: self.forwards.add(number=event.recipients),
            ClientScreened: lambda event, _: self.verdicts.add(event.verdict),
            HostFailed: lambda event, _: self._host_failed(event),
            NoteLogged: lambda event, _: self.notes.add(event.note),
            ServerStateChanged: lambda event, _: self.turns.add(event.state),
            ProblemLogged: lambda event, _: self.complaints.add(event.severity),
        }
        registry.register(self)

    def _counter(self, metric: MetricDescription, *vocabularies: Iterable[str]) -> CounterTable:
        table = CounterTable(metric, *vocabularies)
        self._tables.append(table)
        return table

    def _histogram(self, metric: MetricDescription, vocabulary: Iterable[str] = ()) -> HistogramTable:
        table = HistogramTable(metric, vocabulary)
        self._tables.append(table)
        return table

    def flush(self) -> None:
        """Attach exemplars of the slowest attempt since the last call; to be called after each batch."""
        if self._slowest is not None:
            self._attach_exemplars(self._slowest)
            self._slowest = None

    def count_lines(self, number: int, **not_parsed: int) -> None:
        """Count lines by result; `not_parsed` are the numbers of lines that were not understood."""
        for result, count in not_parsed.items():
            self.lines.add(result, number=count)
        self.lines.add("parsed", number=number - sum(not_parsed.values()))

    def observe(self, event: TrackedEvent, entry: Entry) -> None:
        """Count an event; `entry` is that of the daemon that logged it."""
        if isinstance(event, AttemptEnded):
            self._attempt_ended(event)
        elif isinstance(event, MailReceived):
            self.received.values[(event.mail.entry,)] += 1
            self._sizes.observe(event.mail.size)
        elif isinstance(event, MailFinished):
            self._mail_finished(event)
        elif isinstance(event, ClientConnected):  # here, because one line in eight is about it
            self.connections.values[(entry,)] += 1
        else:
            self._handlers[type(event)](event, entry)

    def collect(self) -> Iterator[Metric]:
        """Yield all metric families."""
        for table in self._tables:
            yield table.family()

    def _attempt_ended(self, event: AttemptEnded) -> None:
        mail, attempt, outcome = event.mail, event.attempt, event.outcome
        self.attempts.values[attempt.status, self._relays.label(event.daemon, attempt.relay)] += 1
        if self._slowest is None or attempt.delay > self._slowest.attempt.delay:
            self._slowest = event
        if not attempt.suspended:
            before_queue_manager, queue_manager, connection_setup, transmission = self._stages
            waited, queued, connecting, sending = attempt.delays
            # Postfix includes all earlier waits in the first stage of a retry.
            if event.number == 1:
                before_queue_manager.observe(waited)
            queue_manager.observe(queued)
            connection_setup.observe(connecting)
            transmission.observe(sending)
        if outcome is not None:
            self.finished.values[outcome, mail.entry, _FORWARDED[attempt.forwarded]] += 1
            self._durations[outcome].observe(attempt.delay)
        if event.cause is not None and attempt.status in _NOT_DELIVERED:
            self._failed(event, event.cause)

    def _attach_exemplars(self, event: AttemptEnded) -> None:
        """Attach the trace id of an attempt to its buckets, as exemplars."""
        trace_id = self._trace_of(event.mail)
        if trace_id is None:
            return
        now = time()
        if not event.attempt.suspended:
            counted = zip(STAGES, event.attempt.delays, strict=True)
            for stage, seconds in islice(counted, int(event.number > 1), None):
                self.stages[stage].attach_exemplar(seconds, trace_id, now)
        if event.outcome is not None:
            self._durations[event.outcome].attach_exemplar(event.attempt.delay, trace_id, now)

    def _failed(self, event: AttemptEnded, cause: Cause) -> None:
        attempt = event.attempt
        if attempt.suspended:
            self.suspended.add(cause)
        elif event.daemon in RELAY_DAEMONS:
            self.failures.add(cause)
            if cause is Cause.OTHER:
                self._on_unknown(attempt.text)

    def _host_failed(self, event: HostFailed) -> None:
        relay = self._relays.label("smtp", event.host or NONE)
        self.host_failures.add(relay, self._cause_of(event.text, event.dsn))

    def _mail_finished(self, event: MailFinished) -> None:
        if event.left:
            mail = event.mail
            self.finished.add(event.outcome, mail.entry, _FORWARDED[False], number=event.left)
            for _number in range(event.left):
                self._durations[event.outcome].observe((mail.closed or mail.arrived) - mail.arrived)
