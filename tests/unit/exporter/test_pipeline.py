"""Lines in; metrics, spans and ledger entries out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from mail_exporter.metrics import LogMetrics
from mail_exporter.parse.grammar import arrival_time
from mail_exporter.pipeline import Pipeline
from mail_exporter.source import Batch
from mail_exporter.tracing import SpanFactory
from mail_ledger import Ledger, LogPosition
from tests.unit.exporter import logs

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
LOG = "/var/log/mail/mail.log"
ARRIVED = round((arrival_time(logs.QUEUE_ID) or 0) * 1e9)


class Bench:
    """A pipeline on a ledger of its own, with spans and metrics at hand."""

    def __init__(self, ledger: Ledger) -> None:
        self.registry = CollectorRegistry()
        self.exported = InMemorySpanExporter()
        self._pipeline = Pipeline(
            log=LOG,
            ledger=ledger,
            metrics=LogMetrics(self.registry),
            span_factory=SpanFactory(Resource({"service.name": "mail-server"})),
            span_processor=SimpleSpanProcessor(self.exported),
            now=lambda: NOW,
        )

    def feed(self, *lines: bytes) -> None:
        """Process the lines as one batch."""
        self._pipeline.process(Batch(list(lines), LogPosition(0, "", 0)))

    def spans(self) -> list[ReadableSpan]:
        """Return all spans so far."""
        return list(self.exported.get_finished_spans())

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value."""
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return a new ledger."""
    return Ledger.open(f"sqlite:///{tmp_path}/ledger.db")


@pytest.fixture
def bench(ledger: Ledger) -> Bench:
    """Return a pipeline on a new ledger."""
    return Bench(ledger)


def edges(spans: list[ReadableSpan]) -> list[tuple[str, str]]:
    """Return (parent's name, name) of every span; the API's span is called `remote`."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    return [(names.get(span.parent.span_id, "remote") if span.parent else "", span.name) for span in spans]


def test_trace_of_a_sent_mail(bench: Bench) -> None:
    """One chain of spans runs from the API's span to the relay's answer."""
    bench.feed(*logs.accepted(), logs.sent(), logs.removed())
    spans = bench.spans()
    assert edges(spans) == [
        ("remote", "postfix receive"),
        ("postfix receive", "postfix queue"),
        ("postfix queue", "postfix deliver"),
        ("postfix deliver", "postfix connect"),
        ("postfix deliver", "postfix transmit"),
    ]
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {logs.TRACE_ID}
    assert spans[0].parent
    assert f"{spans[0].parent.span_id:016x}" == logs.PARENT_SPAN_ID


def test_times(bench: Bench) -> None:
    """Spans start and end where the queue id and the delays say, without gaps."""
    bench.feed(*logs.accepted(), logs.sent(delay="0.32", delays="0.1/0.02/0.1/0.1"))
    milliseconds = {
        span.name: (round((span.start_time - ARRIVED) / 1e6), round((span.end_time - ARRIVED) / 1e6))
        for span in bench.spans()
        if span.start_time and span.end_time
    }
    assert milliseconds == {
        "postfix receive": (0, 100),
        "postfix queue": (100, 120),
        "postfix deliver": (120, 320),
        "postfix connect": (120, 220),
        "postfix transmit": (220, 320),
    }


def test_deferred_attempt_joins_the_same_trace(bench: Bench) -> None:
    """A failed attempt and the later success are two branches of one trace, the first one with its cause."""
    bench.feed(*logs.accepted(), logs.deferred())
    bench.feed(logs.active(), logs.sent(delay="300", delays="299.7/0.1/0.1/0.1"), logs.removed())
    attempts = [span for span in bench.spans() if span.name == "postfix deliver"]
    assert [span.attributes and span.attributes["mail.attempt"] for span in attempts] == [1, 2]
    assert [span.status.status_code.name for span in attempts] == ["ERROR", "OK"]
    assert attempts[0].attributes
    assert attempts[0].attributes["error.type"] == "auth"
    assert attempts[0].attributes["server.address"] == "smtp.gmail.com"
    waits = [span for span in bench.spans() if span.name == "postfix queue"]
    assert waits[1].start_time == attempts[0].end_time
    assert waits[1].end_time == attempts[1].start_time
    assert len({span.context.trace_id for span in bench.spans() if span.context}) == 1


def test_same_log_makes_same_spans(bench: Bench, tmp_path: Path) -> None:
    """A log that is read again makes spans with the same ids, for a mail without trace context too."""
    lines = [*logs.accepted(trace=None), logs.sent()]
    again = Bench(Ledger.open(f"sqlite:///{tmp_path}/again.db"))
    bench.feed(*lines)
    again.feed(*lines)
    contexts = [span.context for span in bench.spans()]
    assert contexts
    assert contexts == [span.context for span in again.spans()]


def test_unsampled_request_makes_no_spans(bench: Bench) -> None:
    """The request's decision not to sample is respected."""
    bench.feed(*logs.accepted(trace="00"), logs.sent())
    assert bench.spans() == []


def test_no_address_in_spans(bench: Bench) -> None:
    """No attribute, event or status holds a full address."""
    bench.feed(*logs.accepted(), logs.deferred())
    told = " ".join(span.to_json() for span in bench.spans())
    assert "a***@x.example" in told
    assert "anna@" not in told
    assert '"a@x.example' not in told


def test_restart_keeps_the_trace(bench: Bench, ledger: Ledger) -> None:
    """An exporter that was restarted joins a mail's later attempts to what it knew before."""
    bench.feed(*logs.accepted(), logs.deferred())
    restarted = Bench(ledger)
    restarted.feed(logs.active(), logs.sent(delay="300", delays="299.7/0.1/0.1/0.1"))
    attempt = next(span for span in restarted.spans() if span.name == "postfix deliver")
    assert attempt.attributes
    assert attempt.attributes["mail.attempt"] == 2
    assert attempt.attributes["mail.message_id"] == logs.API_ID
    assert attempt.context
    assert f"{attempt.context.trace_id:032x}" == logs.TRACE_ID


def test_finished_mail_is_forgotten(bench: Bench, ledger: Ledger) -> None:
    """The ledger keeps a mail's state while the mail is in the queue, and no longer."""
    bench.feed(*logs.accepted())
    assert list(ledger.open_mails()) == [logs.QUEUE_ID]
    bench.feed(logs.sent(), logs.removed())
    assert ledger.open_mails() == {}


def test_counters(bench: Bench) -> None:
    """Attempts, failures by cause, entry, stages and lines by result are counted."""
    bench.feed(
        *logs.accepted(),
        logs.deferred(),
        logs.active(),
        logs.sent(),
        logs.removed(),
        b"Nov 22 12:00:00 mail sshd[1]: x",
        b"\xff\xfe",
        logs.line("smtp", "what is this"),
    )
    assert bench.value("postfix_delivery_attempts_total", status="sent") == 1
    assert bench.value("postfix_delivery_attempts_total", status="deferred") == 1
    assert bench.value("postfix_relay_failures_total", cause="auth") == 1
    assert bench.value("postfix_relay_failures_total", cause="quota") == 0
    assert bench.value("postfix_messages_received_total", entry="api") == 1
    assert bench.value("postfix_delivery_stage_seconds_sum", stage="connection_setup") == pytest.approx(0.3)
    assert {result: bench.value("postfix_log_lines_total", result=result) for result in ("parsed", "foreign")} == {
        "parsed": 8,
        "foreign": 1,
    }
    assert bench.value("postfix_log_lines_total", result="malformed") == 1
    assert bench.value("postfix_log_lines_total", result="unsupported") == 1
    assert bench.value("mail_exporter_spans_total") == len(bench.spans()) > 0


def test_suspended_delivery_is_no_new_relay_failure(bench: Bench) -> None:
    """What the retry daemon repeats of an earlier refusal counts as an attempt, not as another refusal."""
    repeated = (
        logs.deferred()
        .replace(b"postfix/smtp[", b"postfix/error[")
        .replace(b"(SASL", b"(delivery temporarily suspended: SASL")
    )
    bench.feed(*logs.accepted(), repeated)
    assert bench.value("postfix_delivery_attempts_total", status="deferred") == 1
    assert bench.value("postfix_relay_failures_total", cause="auth") == 0


@pytest.mark.parametrize(
    ("daemon", "entry"),
    [
        pytest.param("public/smtpd", "public", id="public"),
        pytest.param("submission/smtpd", "submission", id="submission"),
    ],
)
def test_entry_is_the_listeners(bench: Bench, daemon: str, entry: str) -> None:
    """An outsider who imitates the API's Message-ID is not taken for the API."""
    bench.feed(*logs.accepted(daemon=daemon))
    assert bench.value("postfix_messages_received_total", entry=entry) == 1
    assert bench.value("postfix_messages_received_total", entry="api") == 0
