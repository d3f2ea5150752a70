"""Every signal of every service: real traffic in, and what the receivers then have.

One mail goes each way that there is, with an address in it that must not be seen again.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from mail_telemetry.spans import SPAN_DESCRIPTIONS
from tests.integration.postfix.dialogue import STARTTLS, Line, plain
from tests.integration.stack import API, API_METRICS, EXPORTER, SANDBOX, Json, Stack, until

CANARY: Final = "canary.k7q2x"
"""The local part of addresses on every way; only its first letter may be seen."""
ALLOWED: Final = f"{CANARY}@example.com"
STRANGER: Final = f"{CANARY}@elsewhere.example"
OPENMETRICS: Final = {"Accept": "application/openmetrics-text"}
SERVICES: Final = {"mail-api": API_METRICS, "mail-exporter": EXPORTER}


@dataclass(frozen=True)
class Signals:
    """What one run of traffic left behind."""

    traces: dict[str, list[Json]]
    lines: dict[str, list[Json]]
    metrics: dict[str, str]

    @property
    def spans(self) -> list[Json]:
        """All spans."""
        return [span for spans in self.traces.values() for span in spans]

    @property
    def story_lines(self) -> list[Json]:
        """The log lines of these traces; others may tell the end of an earlier test's mail."""
        return [line for lines in self.lines.values() for line in lines if line.get("trace_id") in self.traces]


def talk(stack: Stack, port: int, *commands: str) -> list[str]:
    """Say these to a published port of the mail server, and return its answers."""
    host, published = stack.compose.get_service_host_and_port("mail-server", port)
    with Line(str(host), int(published or 0)) as line:
        line.answer()
        return [_say(line, command) for command in commands]


def _say(line: Line, command: str) -> str:
    answer = line.ask(command)
    if command == STARTTLS:
        line.start_tls()
    return answer


def message(subject: str) -> str:
    """Return a message with the canary in its headers and body, up to the final dot."""
    return f"From: <{ALLOWED}>\r\nTo: <{ALLOWED}>\r\nSubject: {subject}\r\n\r\n{ALLOWED}\r\n."


def by_api(stack: Stack, subject: str) -> None:
    """Send through the API: taken, refused, to nonsense; and ask for a page that has an address in its name."""
    fields = {"from": f"{CANARY}-visitor@web.example", "body": ALLOWED, "metadata": {"who": ALLOWED}}
    stack.send(f"{subject} api", to=ALLOWED, **fields)
    assert stack.post({"to": STRANGER, "subject": subject} | fields).status_code == 403
    assert stack.post({"to": f"{STRANGER}, {ALLOWED}", "subject": subject} | fields).status_code == 400
    told = {"User-Agent": ALLOWED, "Referer": f"https://{ALLOWED}/", "X-Request-ID": ALLOWED}
    stack.http.get(stack.url(API, f"/unsubscribe/{ALLOWED}"), params={"who": ALLOWED}, headers=told)


def by_submission(stack: Stack, subject: str) -> None:
    """Log in wrongly, then rightly, and send."""
    hello = ("EHLO out.example", STARTTLS, "EHLO out.example")
    assert talk(stack, 587, *hello, plain(f"{CANARY}@dinky.example", "guess"))[-1].startswith("535")
    commands = (
        *hello,
        plain("admin", "sandbox-password"),
        "MAIL FROM:<hi@dinky.example>",
        f"RCPT TO:<{ALLOWED}>",
        "DATA",
        message(f"{subject} submission"),
    )
    assert talk(stack, 587, *commands)[-1].startswith("250")


def from_inside(stack: Stack, subject: str) -> None:
    """Send from another container at port 25, and by the command in the mail server's own."""
    script = (
        "import smtplib,sys; smtplib.SMTP('mail-server').sendmail('hi@dinky.example', [sys.argv[1]], "
        f"'Subject: {subject} internal' + chr(10) * 2 + sys.argv[1])"
    )
    stack.execute("mail-exporter", "python3", "-c", script, ALLOWED)
    stack.execute("mail-server", "sh", "-c", f"echo {ALLOWED} | mail -s '{subject} local' {ALLOWED}")


def from_outside(stack: Stack, subject: str) -> None:
    """Send as a stranger: one mail that is forwarded, one that is refused."""
    hello = ("EHLO out.example", f"MAIL FROM:<{CANARY}@out.example>")
    taken = talk(stack, 2525, *hello, f"RCPT TO:<{CANARY}@dinky.example>", "DATA", message(f"{subject} forwarded"))
    assert taken[-1].startswith("250")
    assert talk(stack, 2525, *hello, f"RCPT TO:<{STRANGER}>")[-1].startswith("554")


def bounced_and_deferred(stack: Stack, subject: str) -> None:
    """Send one mail that the relay refuses for good, and one that it takes at the second try."""
    with stack.fault("unknown_recipient", recipient=ALLOWED, count=1):
        message_id = stack.send(f"{subject} bounced", to=ALLOWED)
        stack.trace(message_id, until_named=("postfix finish",))
    with stack.fault("wrong_password"):
        message_id = stack.send(f"{subject} deferred", to=ALLOWED)
        stack.trace(message_id, until_named=("postfix deliver",))
    stack.trace(message_id, until_named=("postfix finish",))


def json_lines(stack: Stack, service: str, since: str) -> list[Json]:
    """Return what a service has logged since then; every line is JSON."""
    lines = [json.loads(line.partition("| ")[2]) for line in stack.logs(service).splitlines()]
    return [line for line in lines if line["time"] >= since]


def traces_since(stack: Stack, since: float) -> Iterator[tuple[str, list[Json]]]:
    """Yield the traces that began since then."""
    for summary in stack.http.get(stack.url(SANDBOX, "/traces"), params={"limit": 200}).json():
        trace = stack.http.get(stack.url(SANDBOX, f"/traces/{summary['trace_id']}")).json()
        if min(span["start_time_unix_nano"] for span in trace["spans"]) >= since * 1e9:
            yield summary["trace_id"], trace["spans"]


def span_ids(stack: Stack, trace_id: str) -> set[str]:
    """Return the ids of the spans that were received of a trace."""
    trace = stack.http.get(stack.url(SANDBOX, f"/traces/{trace_id}")).raise_for_status().json()
    return {span["span_id"] for span in trace["spans"]}


def finished(traces: Iterable[list[Json]]) -> int:
    """Return how many mails have come to their end."""
    return sum(span["name"] == "postfix finish" for spans in traces for span in spans)


@pytest.fixture(scope="module")
def signals(stack: Stack) -> Signals:
    """Drive a mail each way, wait until all of them and the bounce have come to their end, and return what was told."""
    since = time.time()
    moment = datetime.fromtimestamp(since, UTC).isoformat(timespec="milliseconds")
    for way in (by_api, by_submission, from_inside, from_outside, bounced_and_deferred):
        way(stack, f"signals {since:.0f}")
    # api, submission, internal, local, forwarded, bounced, the bounce, deferred
    until("eight ends", lambda: finished(dict(traces_since(stack, since)).values()) >= 8)
    return Signals(
        traces=dict(traces_since(stack, since)),
        lines={service: json_lines(stack, service, moment) for service in SERVICES},
        metrics={
            service: stack.http.get(stack.url(port, "/metrics"), headers=OPENMETRICS).text
            for service, port in SERVICES.items()
        },
    )


def test_matrix(signals: Signals) -> None:
    """Each service tells what it should, under its own name; what the mail server does is told for it."""
    arrived = {(service, "traces") for service in {span["service"] for span in signals.spans}}
    arrived |= {(line["service"], "logs") for lines in signals.lines.values() for line in lines}
    arrived |= {(service, "metrics") for service, text in signals.metrics.items() if text.endswith("# EOF\n")}
    assert arrived == {
        ("mail-api", "traces"),
        ("mail-api", "logs"),
        ("mail-api", "metrics"),
        ("mail-server", "traces"),
        ("mail-exporter", "logs"),
        ("mail-exporter", "metrics"),
    }


def test_edges(signals: Signals) -> None:
    """Spans hang below one another as described, all of these edges are there, and no span lacks its parent."""
    found = set()
    for spans in signals.traces.values():
        names = {span["span_id"]: span["name"] for span in spans}
        assert [span["name"] for span in spans if span["parent_span_id"] not in {"", *names}] == []
        found |= {(names.get(span["parent_span_id"]), span["name"], span["service"]) for span in spans}
    described = {(span.parent, span.name, span.service.value) for span in SPAN_DESCRIPTIONS}
    requests = {edge for edge in found if edge[2] == "mail-api" and edge[0] is None}
    assert found - requests == (described | {(None, "postfix receive", "mail-server")}) - requests
    assert (None, "POST /send", "mail-api") in requests


def test_attributes(signals: Signals) -> None:
    """Spans say what they should and nothing that is not described."""
    for description in SPAN_DESCRIPTIONS[1:]:
        for span in [span for span in signals.spans if span["name"] == description.name]:
            assert description.always <= set(span["attributes"]) <= description.attributes
            assert span["kind"] == description.kind.lower()


def test_every_way_in_is_traced(signals: Signals) -> None:
    """A mail has a trace wherever it came in, with or without trace context."""
    receives = [span["attributes"] for span in signals.spans if span["name"] == "postfix receive"]
    assert {attributes["mail.entry"] for attributes in receives} == {
        "api",
        "internal",
        "submission",
        "public",
        "local",
    }


def test_failures_have_their_cause(signals: Signals) -> None:
    """The attempts that failed say why, and so does the stage that failed, and so does the log."""
    failed = [span for span in signals.spans if span["status"]["code"] == "error" and "postfix" in span["name"]]
    by_name: dict[str, set[Any]] = {}
    for span in failed:
        by_name.setdefault(span["name"], set()).add(span["attributes"]["error.type"])
    assert by_name == {
        "postfix deliver": {"recipient", "auth"},
        "postfix transmit": {"recipient"},
        "postfix connect": {"auth"},
        "postfix finish": {"bounced"},
    }
    warned = [line for line in signals.story_lines if line["level"] == "warning"]
    assert {line.get("mail.cause") or line.get("mail.outcome") for line in warned} == {"recipient", "auth", "bounced"}


def test_bounce_is_linked(signals: Signals) -> None:
    """The bounce's trace leads to that of its mail, and back."""
    linked = {
        (span["name"], link["trace_id"], link["span_id"]): trace_id
        for trace_id, spans in signals.traces.items()
        for span in spans
        for link in span["links"]
    }
    assert sorted(name for name, _, _ in linked) == ["postfix finish", "postfix receive"]
    for _, trace_id, span_id in linked:
        assert span_id in {span["span_id"] for span in signals.traces[trace_id]}


def test_lines_lead_to_traces(stack: Stack, signals: Signals) -> None:
    """The trace that a log line names was received, and so was the span; of mails of earlier tests too."""
    lines = [line for lines in signals.lines.values() for line in lines if "trace_id" in line]
    assert {line["service"] for line in lines} == set(SERVICES)
    known = {trace_id: span_ids(stack, trace_id) for trace_id in {line["trace_id"] for line in lines}}
    assert [line for line in lines if line["span_id"] not in known[line["trace_id"]]] == []


def test_logs_alone_tell_the_story(signals: Signals) -> None:
    """The lines of one trace, without the spans, tell of a mail's request, its attempts, why, and its end."""
    refused = next(line for line in signals.story_lines if line.get("mail.cause") == "auth")
    story = [line for line in signals.story_lines if line["trace_id"] == refused["trace_id"]]
    told = [line["message"] for line in sorted(story, key=lambda line: str(line["time"]))]
    assert told[0] == "mail accepted"
    assert told[1:-1] == ["delivery attempt ended"] * (len(told) - 2)
    assert told[-1] == "mail left the queue"
    assert {line["mail.queue_id"] for line in story if "mail.queue_id" in line} == {refused["mail.queue_id"]}


def test_exemplars_lead_to_traces(stack: Stack, signals: Signals) -> None:
    """The trace that an exemplar names was received."""
    for service, text in signals.metrics.items():
        samples = [
            sample
            for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # published without types
            for sample in family.samples
        ]
        named = {sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}
        assert named, service
        lost = {
            trace_id for trace_id in named if not stack.http.get(stack.url(SANDBOX, f"/traces/{trace_id}")).is_success
        }
        assert lost == set()


def test_labels_are_templates(signals: Signals) -> None:
    """HTTP metrics are labelled by route; a path that is none makes no series."""
    handlers = {
        sample.labels["handler"]
        for family in text_string_to_metric_families(signals.metrics["mail-api"])  # type: ignore[no-untyped-call]  # same
        for sample in family.samples
        if "handler" in sample.labels
    }
    assert {"/send", "none"} <= handlers
    assert [handler for handler in handlers if "unsubscribe" in handler or handler in {"/health", "/metrics"}] == []


def test_machines_leave_no_trace(signals: Signals) -> None:
    """Health checks and scrapes, which went on all the time, are neither traced nor logged."""
    told = json.dumps([signals.traces, signals.lines])
    assert [path for path in ('"/health"', '"/ready"', '"/metrics"') if path in told] == []


@pytest.mark.parametrize("signal", ["traces", "lines", "metrics"])
def test_no_address_in_any_signal(signals: Signals, signal: str) -> None:
    """The address that went each way is in no span, no log line and no metric."""
    told = json.dumps(getattr(signals, signal), ensure_ascii=False)
    assert len(told) > 1000
    assert CANARY not in told
