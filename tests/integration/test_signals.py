"""Traces, logs and metrics of every service after real traffic.

One mail is sent to each entry, with an address that must not appear in any signal.
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
"""The local part of all addresses, of which only the first letter may appear."""
ALLOWED: Final = f"{CANARY}@example.com"
OTHER_DOMAIN: Final = f"{CANARY}@elsewhere.example"
OPENMETRICS: Final = {"Accept": "application/openmetrics-text"}
SERVICES: Final = {"mail-api": API_METRICS, "mail-exporter": EXPORTER}


@dataclass(frozen=True)
class Signals:
    """The signals of one run of traffic."""

    traces: dict[str, list[Json]]
    lines: dict[str, list[Json]]
    metrics: dict[str, str]

    @property
    def spans(self) -> list[Json]:
        """Return all spans."""
        return [span for spans in self.traces.values() for span in spans]

    @property
    def trace_lines(self) -> list[Json]:
        """Return the log lines of these traces; other lines may be about mails of earlier tests."""
        return [line for lines in self.lines.values() for line in lines if line.get("trace_id") in self.traces]


def talk(stack: Stack, port: int, *commands: str) -> list[str]:
    """Send commands to a published port of the mail server, and return its replies."""
    with Line(*stack.address("mail-server", port)) as line:
        line.answer()
        return [_send(line, command) for command in commands]


def _send(line: Line, command: str) -> str:
    answer = line.ask(command)
    if command == STARTTLS:
        line.start_tls()
    return answer


def message(subject: str) -> str:
    """Return a message with the canary in its headers and body, up to the final dot."""
    return f"From: <{ALLOWED}>\r\nTo: <{ALLOWED}>\r\nSubject: {subject}\r\n\r\n{ALLOWED}\r\n."


def by_api(stack: Stack, subject: str) -> None:
    """Send through the API an accepted, a rejected and an invalid mail, and request a path with an address."""
    fields = {"from": f"{CANARY}-visitor@web.example", "body": ALLOWED, "metadata": {"who": ALLOWED}}
    stack.send(f"{subject} api", to=ALLOWED, **fields)
    assert stack.post({"to": OTHER_DOMAIN, "subject": subject} | fields).status_code == 403
    assert stack.post({"to": f"{OTHER_DOMAIN}, {ALLOWED}", "subject": subject} | fields).status_code == 400
    headers = {"User-Agent": ALLOWED, "Referer": f"https://{ALLOWED}/", "X-Request-ID": ALLOWED}
    stack.http.get(stack.url(API, f"/unsubscribe/{ALLOWED}"), params={"who": ALLOWED}, headers=headers)


def by_submission(stack: Stack, subject: str) -> None:
    """Log in with a wrong password, then with the right one, and send."""
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
    """Send from another container to port 25, and by the `mail` command in the mail server's container."""
    script = (
        "import smtplib,sys; smtplib.SMTP('mail-server').sendmail('hi@dinky.example', [sys.argv[1]], "
        f"'Subject: {subject} internal' + chr(10) * 2 + sys.argv[1])"
    )
    stack.execute("mail-exporter", "python3", "-c", script, ALLOWED)
    stack.execute("mail-server", "sh", "-c", f"echo {ALLOWED} | mail -s '{subject} local' {ALLOWED}")


def from_outside(stack: Stack, subject: str) -> None:
    """Send from outside: one mail that is forwarded, and one that is rejected."""
    hello = ("EHLO out.example", f"MAIL FROM:<{CANARY}@out.example>")
    taken = talk(stack, 2525, *hello, f"RCPT TO:<{CANARY}@dinky.example>", "DATA", message(f"{subject} forwarded"))
    assert taken[-1].startswith("250")
    assert talk(stack, 2525, *hello, f"RCPT TO:<{OTHER_DOMAIN}>")[-1].startswith("554")


def bounced_and_deferred(stack: Stack, subject: str) -> None:
    """Send one mail that the relay rejects permanently, and one that it accepts at the second attempt."""
    with stack.fault("unknown_recipient", recipient=ALLOWED, count=1):
        message_id = stack.send(f"{subject} bounced", to=ALLOWED)
        stack.trace(message_id, until_named=("postfix finish",))
    with stack.fault("wrong_password"):
        message_id = stack.send(f"{subject} deferred", to=ALLOWED)
        stack.trace(message_id, until_named=("postfix deliver",))
    stack.trace(message_id, until_named=("postfix finish",))


def json_lines(stack: Stack, service: str, since: str) -> list[Json]:
    """Return the JSON log lines of a service since that time."""
    lines = [json.loads(line.partition("| ")[2]) for line in stack.logs(service).splitlines()]
    return [line for line in lines if line["time"] >= since]


def traces_since(stack: Stack, since: float) -> Iterator[tuple[str, list[Json]]]:
    """Yield the traces that began since then."""
    for summary in stack.http.get(stack.url(SANDBOX, "/traces"), params={"limit": 200}).json():
        trace = stack.http.get(stack.url(SANDBOX, f"/traces/{summary['trace_id']}")).json()
        if min(span["start_time_unix_nano"] for span in trace["spans"]) >= since * 1e9:
            yield summary["trace_id"], trace["spans"]


def span_ids(stack: Stack, trace_id: str) -> set[str]:
    """Return the ids of the received spans of a trace."""
    trace = stack.http.get(stack.url(SANDBOX, f"/traces/{trace_id}")).raise_for_status().json()
    return {span["span_id"] for span in trace["spans"]}


def finished(traces: Iterable[list[Json]]) -> int:
    """Return how many mails are finished."""
    return sum(span["name"] == "postfix finish" for spans in traces for span in spans)


@pytest.fixture(scope="module")
def signals(stack: Stack) -> Signals:
    """Send a mail to each entry, wait until all of them and the bounce are finished, and return the signals."""
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
    """Each service exports its signals under its own name; the exporter exports the traces of the mail server."""
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
    """Spans have the described parents, every described edge exists, and no parent is missing."""
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
    """Spans have the required attributes and only described ones."""
    for description in SPAN_DESCRIPTIONS[1:]:
        for span in [span for span in signals.spans if span["name"] == description.name]:
            assert description.always <= set(span["attributes"]) <= description.attributes
            assert span["kind"] == description.kind.lower()


def test_every_entry_is_traced(signals: Signals) -> None:
    """A mail to each entry has a trace, with or without trace context."""
    receives = [span["attributes"] for span in signals.spans if span["name"] == "postfix receive"]
    assert {attributes["mail.entry"] for attributes in receives} == {
        "api",
        "internal",
        "submission",
        "public",
        "local",
    }


def test_failures_have_their_cause(signals: Signals) -> None:
    """Failed attempts, failed stages and log lines have the cause."""
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
    warned = [line for line in signals.trace_lines if line["level"] == "warning"]
    assert {line.get("mail.cause") or line.get("mail.outcome") for line in warned} == {"recipient", "auth", "bounced"}


def test_bounce_is_linked(signals: Signals) -> None:
    """The bounce and its mail are linked in both directions."""
    linked = {
        (span["name"], link["trace_id"], link["span_id"]): trace_id
        for trace_id, spans in signals.traces.items()
        for span in spans
        for link in span["links"]
    }
    assert sorted(name for name, _, _ in linked) == ["postfix finish", "postfix receive"]
    for _, trace_id, span_id in linked:
        assert span_id in {span["span_id"] for span in signals.traces[trace_id]}


def test_traces_of_log_lines(stack: Stack, signals: Signals) -> None:
    """The trace and the span of a log line were received."""
    lines = [line for lines in signals.lines.values() for line in lines if "trace_id" in line]
    assert {line["service"] for line in lines} == set(SERVICES)
    known = {trace_id: span_ids(stack, trace_id) for trace_id in {line["trace_id"] for line in lines}}
    assert [line for line in lines if line["span_id"] not in known[line["trace_id"]]] == []


def test_log_lines_of_one_mail(signals: Signals) -> None:
    """The log lines of one trace have the request, the attempts with their causes, and the end of the mail."""
    refused = next(line for line in signals.trace_lines if line.get("mail.cause") == "auth")
    lines = [line for line in signals.trace_lines if line["trace_id"] == refused["trace_id"]]
    messages = [line["message"] for line in sorted(lines, key=lambda line: str(line["time"]))]
    assert messages[0] == "mail accepted"
    assert messages[1:-1] == ["delivery attempt ended"] * (len(messages) - 2)
    assert messages[-1] == "mail left the queue"
    assert {line["mail.queue_id"] for line in lines if "mail.queue_id" in line} == {refused["mail.queue_id"]}


def test_traces_of_exemplars(stack: Stack, signals: Signals) -> None:
    """The trace of an exemplar was received."""
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
    """HTTP metrics are labelled by route, and an unknown path has no series of its own."""
    handlers = {
        sample.labels["handler"]
        for family in text_string_to_metric_families(signals.metrics["mail-api"])  # type: ignore[no-untyped-call]  # same
        for sample in family.samples
        if "handler" in sample.labels
    }
    assert {"/send", "none"} <= handlers
    assert [handler for handler in handlers if "unsubscribe" in handler or handler in {"/health", "/metrics"}] == []


def test_health_checks_leave_no_trace(signals: Signals) -> None:
    """Health checks and scrapes are neither traced nor logged."""
    text = json.dumps([signals.traces, signals.lines])
    assert [path for path in ('"/health"', '"/ready"', '"/metrics"') if path in text] == []


@pytest.mark.parametrize("signal", ["traces", "lines", "metrics"])
def test_no_address_in_any_signal(signals: Signals, signal: str) -> None:
    """The address of the mails is in no span, no log line and no metric."""
    text = json.dumps(getattr(signals, signal), ensure_ascii=False)
    assert len(text) > 1000
    assert CANARY not in text
