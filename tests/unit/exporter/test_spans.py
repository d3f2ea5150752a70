"""Spans of mails and delivery attempts."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mail_exporter.parse.grammar import arrival_time
from mail_exporter.spans import LogIdGenerator, SpanEmitter
from mail_ledger import Ledger
from mail_telemetry.names import Attribute, Service
from mail_telemetry.spans import SPAN_DESCRIPTIONS
from mail_telemetry.tracing import SpanCounts, SpanExport, Tracing, tracer_provider
from tests.unit import new_ledger
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness

ARRIVED = round((arrival_time(logs.QUEUE_ID) or 0) * 1e9)
BOUNCE_ID = "4jXSsQ3lJyzC60P"
STAGES = ["postfix wait", "postfix queue", "postfix connect", "postfix transmit"]


def edges(spans: list[ReadableSpan]) -> list[tuple[str, str]]:
    """Return (parent's name, name) of every span; the API's span is called `remote`."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    return [(names.get(span.parent.span_id, "remote") if span.parent else "", span.name) for span in spans]


def named(spans: list[ReadableSpan], name: str) -> list[ReadableSpan]:
    """Return the spans of this name."""
    return [span for span in spans if span.name == name]


def milliseconds(span: ReadableSpan) -> tuple[int, int]:
    """Return when a span starts and ends, in milliseconds after the mail's arrival."""
    return round(((span.start_time or 0) - ARRIVED) / 1e6), round(((span.end_time or 0) - ARRIVED) / 1e6)


def attribute(span: ReadableSpan, name: Attribute) -> object:
    """Return an attribute of a span, or None."""
    return (span.attributes or {}).get(name)


def failed(span: ReadableSpan) -> bool:
    """Return whether a span is an error."""
    return not span.status.is_ok


def trace_ids(spans: list[ReadableSpan]) -> set[str]:
    """Return the ids of the traces that spans belong to."""
    return {f"{span.context.trace_id:032x}" for span in spans if span.context}


def answer(text: str, *, relay: str = "smtp.gmail.com[1.2.3.4]:587", delays: str = "0.1/0.1/0.2/0", **how: str) -> str:
    """Return the line of an attempt that ended with this text."""
    daemon, status = how.get("daemon", "smtp"), how.get("status", "deferred")
    return logs.line(
        daemon,
        f"{logs.QUEUE_ID}: to=<a@x.example>, relay={relay}, delay=0.4, delays={delays}, dsn=4.0.0, "
        f"status={status} ({text})",
        second=1,
    )


def test_trace_of_a_sent_mail(harness: PipelineHarness) -> None:
    """Below the API's span are the spans receive, deliver with four stages, and finish."""
    harness.feed(*logs.accepted(), logs.sent(), logs.removed())
    assert edges(harness.spans) == [
        ("remote", "postfix receive"),
        ("postfix receive", "postfix deliver"),
        *(("postfix deliver", stage) for stage in STAGES),
        ("postfix receive", "postfix finish"),
    ]
    assert trace_ids(harness.spans) == {logs.TRACE_ID}
    assert harness.spans[0].parent
    assert f"{harness.spans[0].parent.span_id:016x}" == logs.PARENT_SPAN_ID


def test_times(harness: PipelineHarness) -> None:
    """Spans start and end at the times of queue id and delays, without gaps."""
    harness.feed(*logs.accepted(), logs.sent(delay="0.32", delays="0.1/0.02/0.1/0.1"))
    assert {span.name: milliseconds(span) for span in harness.spans} == {
        "postfix receive": (0, 100),
        "postfix deliver": (0, 320),
        "postfix wait": (0, 100),
        "postfix queue": (100, 120),
        "postfix connect": (120, 220),
        "postfix transmit": (220, 320),
    }


SECONDS = st.floats(min_value=0, max_value=400, allow_nan=False).map(lambda seconds: f"{seconds:.2g}")


@pytest.mark.slow
@given(st.lists(st.tuples(SECONDS, SECONDS, SECONDS, SECONDS, SECONDS), min_size=1, max_size=4))
def test_stages_tile_their_attempt(attempts: list[tuple[str, ...]]) -> None:
    """For any rounding of the delays, the stages are inside their attempt, one after the other."""
    with closing(new_ledger.in_memory()) as ledger:
        harness = PipelineHarness(ledger)
        harness.feed(*logs.accepted())
        for delay, *delays in attempts:
            harness.feed(logs.sent(delay=delay, delays="/".join(delays)), logs.active())
        for index, deliver in enumerate(named(harness.spans, "postfix deliver")):
            stages = [named(harness.spans, stage)[index] for stage in STAGES]
            assert milliseconds(stages[0])[0] == milliseconds(deliver)[0] >= 0
            assert milliseconds(stages[-1])[1] == milliseconds(deliver)[1]
            for before, after in pairwise(stages):
                assert (before.start_time or 0) <= (before.end_time or 0) == after.start_time


@pytest.mark.parametrize(
    ("delay", "expected"), [("0.32", 0.01), ("3.2", 0.1), ("32", 1.0)], ids=["below 1 s", "below 10 s", "above"]
)
def test_precision(harness: PipelineHarness, delay: str, expected: float) -> None:
    """Each span has the precision of its times: Postfix logs two digits."""
    harness.feed(*logs.accepted(), logs.sent(delay=delay), logs.removed())
    (deliver,), (finish,) = named(harness.spans, "postfix deliver"), named(harness.spans, "postfix finish")
    assert attribute(deliver, Attribute.TIME_PRECISION) == expected
    assert attribute(finish, Attribute.TIME_PRECISION) == 1.0


def test_precision_of_a_short_queue_id(harness: PipelineHarness) -> None:
    """A short queue id does not contain the arrival time, so the precision is a second."""
    harness.feed(*logs.accepted("127C519E06E"), logs.sent("127C519E06E"))
    assert {attribute(span, Attribute.TIME_PRECISION) for span in harness.spans} == {1.0}


def test_deferred_attempt_joins_the_same_trace(harness: PipelineHarness) -> None:
    """A failed attempt and a later success are in one trace; the failed one has its cause."""
    harness.feed(*logs.accepted(), logs.deferred())
    harness.feed(logs.active(), logs.sent(delay="300", delays="300/0.1/0.1/0.1"), logs.removed())
    first, second = named(harness.spans, "postfix deliver")
    assert [attribute(span, Attribute.ATTEMPT_NUMBER) for span in (first, second)] == [1, 2]
    assert [span.status.status_code.name for span in (first, second)] == ["ERROR", "OK"]
    assert attribute(first, Attribute.ERROR_TYPE) == "auth"
    assert attribute(first, Attribute.SERVER_ADDRESS) == "smtp.gmail.com"
    wait = named(harness.spans, "postfix wait")[1]
    assert (wait.start_time, wait.start_time) == (first.end_time, second.start_time)
    assert milliseconds(named(harness.spans, "postfix connect")[1]) == (299_800, 299_900)
    assert trace_ids(harness.spans) == {logs.TRACE_ID}


@pytest.mark.parametrize(
    ("line", "last"),
    [
        pytest.param(logs.deferred(), "postfix connect", id="wrong password"),
        pytest.param(
            answer("connect to x[1.2.3.4]:587: Connection refused", relay="none"), "postfix connect", id="refused"
        ),
        pytest.param(
            answer("lost connection with x[1.2.3.4] while performing the EHLO handshake"), "postfix connect", id="EHLO"
        ),
        pytest.param(
            answer("host x[1.2.3.4] said: 451 4.3.0 no (in reply to MAIL FROM command)"), "postfix transmit", id="MAIL"
        ),
        pytest.param(
            answer("host x[1.2.3.4] said: 550 no (in reply to end of DATA command)", delays="0/0/0/0.4"),
            "postfix transmit",
            id="end of DATA",
        ),
        pytest.param(
            answer("lost connection with x[1.2.3.4] while sending message body"), "postfix transmit", id="lost in DATA"
        ),
        pytest.param(
            answer("delivery temporarily suspended: connect to x: refused", relay="none", daemon="error"),
            "postfix queue",
            id="not tried",
        ),
        pytest.param(
            answer("there are no mailboxes here", relay="none", daemon="error", status="bounced"),
            "postfix queue",
            id="no such mailbox",
        ),
    ],
)
def test_stage_that_failed(harness: PipelineHarness, line: str, last: str) -> None:
    """The failed stage is the last one, and only it has the cause."""
    harness.feed(*logs.accepted(), line)
    (deliver,) = named(harness.spans, "postfix deliver")
    stages = [span for span in harness.spans if span.name in STAGES]
    assert [span.name for span in stages] == STAGES[: STAGES.index(last) + 1]
    assert [failed(span) for span in stages] == [False] * (len(stages) - 1) + [True]
    assert [attribute(span, Attribute.ERROR_TYPE) for span in stages[:-1]] == [None] * (len(stages) - 1)
    assert attribute(stages[-1], Attribute.ERROR_TYPE) == attribute(deliver, Attribute.ERROR_TYPE) is not None


def test_agent_of_this_server(harness: PipelineHarness) -> None:
    """An agent without a connection has no connect span."""
    harness.feed(*logs.accepted(), answer("thrown away", relay="none", daemon="discard", status="sent"), logs.removed())
    assert [span.name for span in harness.spans if span.name in STAGES] == [STAGES[0], STAGES[1], STAGES[3]]
    assert attribute(named(harness.spans, "postfix finish")[0], Attribute.OUTCOME) == "discarded"


def test_recipients_of_one_retry_have_the_same_wait(harness: PipelineHarness) -> None:
    """All recipients of a retry have the same wait."""
    harness.feed(*logs.accepted(), logs.active(recipients=2), logs.deferred(), logs.deferred())
    later = {"delay": "300", "delays": "300/0.1/0.1/0.1"}
    harness.feed(logs.active(recipients=2), logs.sent(**later), logs.sent(**later, to="b"))
    first, second = named(harness.spans, "postfix wait")[2:]
    assert milliseconds(first) == milliseconds(second) == (400, 299_700)


@pytest.mark.parametrize(
    ("lines", "outcome", "is_error"),
    [
        pytest.param([logs.sent()], "sent", False, id="sent"),
        pytest.param([answer("no", status="bounced")], "bounced", True, id="bounced"),
        pytest.param([logs.deferred(), logs.expired()], "expired", True, id="expired"),
        pytest.param([], "deleted", True, id="deleted"),
    ],
)
def test_finish(harness: PipelineHarness, lines: list[str], outcome: str, *, is_error: bool) -> None:
    """The last span has the mail's outcome."""
    harness.feed(*logs.accepted(), *lines, logs.removed())
    (finish,) = named(harness.spans, "postfix finish")
    assert attribute(finish, Attribute.OUTCOME) == outcome
    assert attribute(finish, Attribute.ERROR_TYPE) == (outcome if is_error else None)
    assert failed(finish) == is_error
    assert ("postfix receive", "postfix finish") in edges(harness.spans)


def test_refused_mail_has_no_trace(harness: PipelineHarness) -> None:
    """A mail that was rejected after DATA was never in the queue, and has no span."""
    harness.feed(
        logs.line("public/smtpd", f"{logs.QUEUE_ID}: client=x[1.2.3.4]"),
        logs.line("cleanup", f"{logs.QUEUE_ID}: removed (canceled)"),
    )
    assert harness.spans == []


def bounce() -> Iterator[str]:
    """Yield the lines of a mail that bounces, up to the bounce's own delivery."""
    yield from logs.accepted()
    yield answer("no such user", status="bounced")
    yield logs.line("bounce/cleanup", f"{BOUNCE_ID}: message-id=<x@mail>")
    yield logs.line("bounce", f"{logs.QUEUE_ID}: sender non-delivery notification: {BOUNCE_ID}")
    yield logs.active(BOUNCE_ID)
    yield logs.removed()


def test_bounce_is_linked(harness: PipelineHarness) -> None:
    """A bounce has its own trace, and is linked with the mail that it is about."""
    harness.feed(*bounce(), logs.sent(BOUNCE_ID))
    about, notice = named(harness.spans, "postfix receive")
    (finish,) = named(harness.spans, "postfix finish")
    assert len(trace_ids([about, notice])) == 2
    assert [link.context for link in notice.links] == [about.context]
    assert [link.context for link in finish.links] == [notice.context]


def test_bounce_is_linked_after_a_restart(harness: PipelineHarness, ledger: Ledger) -> None:
    """A restarted exporter restores the link between a bounce and its mail."""
    harness.feed(*bounce())
    restarted = PipelineHarness(ledger)
    restarted.feed(logs.sent(BOUNCE_ID))
    (about,), (notice,) = named(harness.spans, "postfix receive"), named(restarted.spans, "postfix receive")
    assert [link.context for link in notice.links] == [about.context]


def test_worst_outcome_survives_a_restart(harness: PipelineHarness, ledger: Ledger) -> None:
    """A mail that bounced for one recipient ends as bounced, even if its end is read by another exporter."""
    harness.feed(*logs.accepted(), logs.active(recipients=2), answer("no such user", status="bounced"))
    restarted = PipelineHarness(ledger)
    restarted.feed(logs.sent(to="b"), logs.removed())
    (finish,) = named(restarted.spans, "postfix finish")
    assert attribute(finish, Attribute.OUTCOME) == "bounced"


def forwarded(queue_id: str) -> str:
    """Return the line of an attempt for an alias's recipient."""
    return logs.sent(queue_id).replace("to=<a@x.example>,", "to=<a@x.example>, orig_to=<hi@dinky.example>,")


def test_forwarded_copy_is_in_the_trace(harness: PipelineHarness) -> None:
    """An attempt for an alias's recipient belongs to the same trace and is marked as forwarded."""
    harness.feed(*logs.accepted(), forwarded(logs.QUEUE_ID))
    assert attribute(named(harness.spans, "postfix deliver")[0], Attribute.FORWARDED) is True


@pytest.mark.parametrize("trace", ["01", "03", None], ids=["sampled", "sampled and random", "none"])
def test_same_log_makes_same_spans(harness: PipelineHarness, tmp_path: Path, trace: str | None) -> None:
    """Reading a log again gives spans with the same ids, also for a mail without trace context."""
    lines = [*logs.accepted(trace=trace), logs.deferred(), logs.active(), logs.sent(), logs.removed()]
    with closing(new_ledger.in_file(tmp_path / "again.db")) as ledger:
        again = PipelineHarness(ledger)
        harness.feed(*lines)
        again.feed(*lines)
    ids = [(span.context.trace_id, span.context.span_id) for span in harness.spans if span.context]
    assert len(set(ids)) == len(ids) == 11
    assert ids == [(span.context.trace_id, span.context.span_id) for span in again.spans if span.context]


@pytest.mark.parametrize(
    ("trace", "sampler", "expected"),
    [
        pytest.param("01", "parentbased_always_on", True, id="sampled"),
        pytest.param("03", "parentbased_always_on", True, id="sampled and random"),
        pytest.param("00", "parentbased_always_on", False, id="not sampled"),
        pytest.param("02", "parentbased_always_on", False, id="random and not sampled"),
        pytest.param(None, "parentbased_always_on", True, id="none"),
        pytest.param(None, "parentbased_always_off", False, id="none, off by default"),
        pytest.param("01", "parentbased_always_off", True, id="sampled, off by default"),
        pytest.param("01", "always_off", False, id="off"),
        pytest.param("00", "always_on", True, id="on"),
    ],
)
def test_sampling(
    monkeypatch: pytest.MonkeyPatch, ledger: Ledger, trace: str | None, sampler: str, *, expected: bool
) -> None:
    """The request's decision is respected; OTEL_TRACES_SAMPLER decides for mails without one."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    harness = PipelineHarness(ledger)
    harness.feed(*logs.accepted(trace=trace), logs.sent(), logs.removed())
    assert len(harness.spans) == (7 if expected else 0)


def test_limits(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    """The SDK's limits apply to the mail server's spans, too."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2")
    harness = PipelineHarness(ledger)
    harness.feed(*logs.accepted(), logs.sent())
    assert {len(span.attributes or {}) for span in harness.spans} == {2}
    assert named(harness.spans, "postfix deliver")[0].dropped_attributes > 0


def test_instrumentation_scope(harness: PipelineHarness) -> None:
    """Spans come from the SDK's tracer, under the exporter's name and the mail server's resource."""
    harness.feed(*logs.accepted(), logs.sent())
    scopes = {span.instrumentation_scope.name for span in harness.spans if span.instrumentation_scope}
    assert scopes == {"mail_exporter"}
    assert {span.resource.attributes["service.name"] for span in harness.spans} == {"mail-server"}


@pytest.mark.slow
def test_backlog_waits_for_room(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    """A backlog of log lines loses no span to a small queue while exports succeed."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "50")
    exporter, ids = InMemorySpanExporter(), LogIdGenerator()
    export = SpanExport(exporter)
    tracing = Tracing(tracer_provider(Service.SERVER, export.processor, ids), export)
    harness = PipelineHarness(
        ledger, spans=SpanEmitter(tracing.provider, ids, export.wait_for_room, export.capacity // 8)
    )
    for number in range(200):
        queue_id = f"{number:012X}"
        harness.feed(*logs.accepted(queue_id, trace=None), logs.sent(queue_id), logs.removed(queue_id))
    tracing.shutdown()
    assert export.counts() == SpanCounts(processed=1400, dropped=0)
    assert len(exporter.get_finished_spans()) == 1400


def test_no_wait_when_stopping() -> None:
    """An unreachable collector hardly delays the end of the exporter."""
    answered = Event()

    class Silent(InMemorySpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            answered.wait(10)
            return super().export(spans)

    export = SpanExport(Silent())
    tracer = tracer_provider(Service.SERVER, export.processor).get_tracer("test")
    for _ in range(export.capacity):
        tracer.start_span("x").end()
    started = time.monotonic()
    export.wait_for_room(lambda: time.monotonic() - started > 0.2)
    assert time.monotonic() - started < 2
    answered.set()
    export.processor.shutdown()  # type: ignore[no-untyped-call]  # published without types


def test_no_address_in_spans(harness: PipelineHarness) -> None:
    """No attribute, event or status contains a full address."""
    harness.feed(*logs.accepted(), logs.deferred(), logs.active(), logs.sent(), logs.removed())
    exported = " ".join(span.to_json() for span in harness.spans)
    assert "a***@x.example" in exported
    assert "anna@" not in exported
    assert '"a@x.example' not in exported


def test_restart_keeps_the_trace(harness: PipelineHarness, ledger: Ledger) -> None:
    """A restarted exporter adds later attempts of a mail to the same trace."""
    harness.feed(*logs.accepted(), logs.deferred())
    restarted = PipelineHarness(ledger)
    restarted.feed(logs.active(), logs.sent(delay="300", delays="300/0.1/0.1/0.1"))
    (attempt,) = named(restarted.spans, "postfix deliver")
    assert attribute(attempt, Attribute.ATTEMPT_NUMBER) == 2
    assert attribute(attempt, Attribute.MESSAGE_ID) == logs.API_ID
    assert attempt.start_time == named(harness.spans, "postfix deliver")[0].end_time
    assert trace_ids([attempt]) == {logs.TRACE_ID}


def test_spans_are_as_described(ledger: Ledger) -> None:
    """Name, kind, parent and attributes of every span are those of `mail_telemetry.spans`, which the documents show."""
    harness = PipelineHarness(ledger)
    harness.feed(*bounce(), forwarded(BOUNCE_ID))
    harness.feed(*logs.accepted("4jXSt0111CzDhqX"), logs.deferred("4jXSt0111CzDhqX"))
    spans = harness.spans
    parents = {name: (parent or "").replace("remote", "smtp submit") or None for parent, name in edges(spans)}
    parents["postfix receive"] = "smtp submit"  # the bounce's has none
    for description in SPAN_DESCRIPTIONS[2:]:
        found = named(spans, description.name)
        assert {span.kind.name for span in found} == {description.kind}
        assert parents[description.name] == description.parent
        assert all(description.always <= set(span.attributes or {}) for span in found)
        assert {name for span in found for name in span.attributes or {}} <= description.attributes
    assert {span.name for span in spans} == {description.name for description in SPAN_DESCRIPTIONS[2:]}
