"""Facts to counters, described in `mail_telemetry.names`; every label value is there from the start."""

from prometheus_client import CollectorRegistry

from mail_exporter.events import Delays, Status
from mail_exporter.tracker import AttemptEnded, Fact, MailReceived
from mail_telemetry import metrics, names
from mail_telemetry.causes import Cause, classify
from mail_telemetry.names import Entry

LINE_RESULTS = ("parsed", "foreign", "unsupported", "malformed")
RELAY_DAEMONS = frozenset({"smtp", "lmtp"})
"""Agents that really talked to a relay; `error` and `retry` only repeat an earlier refusal."""
_REFUSED = frozenset({Status.DEFERRED, Status.BOUNCED, Status.SOFTBOUNCE})


class LogMetrics:
    """The counters that the log feeds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = metrics.counter(names.DELIVERY_ATTEMPTS, registry)
        self._failures = metrics.counter(names.RELAY_FAILURES, registry)
        self._received = metrics.counter(names.MESSAGES_RECEIVED, registry)
        self._lines = metrics.counter(names.LOG_LINES, registry)
        self._spans = metrics.counter(names.SPANS, registry)
        self._last_line = metrics.gauge(names.LOG_LAST_LINE_TIMESTAMP_SECONDS, registry)
        stages = metrics.histogram(names.DELIVERY_STAGE_SECONDS, registry)
        self._stages = [stages.labels(stage=stage) for stage in Delays._fields]
        for counter, values in (
            (self._attempts, Status),
            (self._failures, Cause),
            (self._received, Entry),
            (self._lines, LINE_RESULTS),
        ):
            for value in values:
                counter.labels(str(value))

    def count_line(self, result: str, time: float = 0.0) -> None:
        """Count one line by result, and remember its Unix time."""
        self._lines.labels(result=result).inc()
        if time:
            self._last_line.set(time)

    def count_spans(self, number: int) -> None:
        """Count spans handed to the batch exporter."""
        self._spans.inc(number)

    def observe(self, fact: Fact) -> None:
        """Count what a fact says."""
        if isinstance(fact, MailReceived):
            self._received.labels(entry=fact.mail.entry.value).inc()
        elif isinstance(fact, AttemptEnded):
            self._observe_attempt(fact)

    def _observe_attempt(self, fact: AttemptEnded) -> None:
        attempt = fact.attempt
        self._attempts.labels(status=attempt.status.value).inc()
        for histogram, seconds in zip(self._stages, attempt.delays, strict=True):
            histogram.observe(seconds)
        if fact.daemon in RELAY_DAEMONS and attempt.status in _REFUSED:
            self._failures.labels(cause=classify(attempt.text, attempt.dsn).value).inc()
