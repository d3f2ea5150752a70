"""One mail through the whole stack, and its trace, metrics and logs."""

import json
from itertools import pairwise

import pytest

from mail_telemetry.spans import SPAN_DESCRIPTIONS
from tests.integration.stack import API_METRICS, EXPORTER, RECIPIENT, SANDBOX, Json, Stack, until

LAST_SPAN = "postfix finish"
EDGES = {(span.parent or "", span.name, span.service.value) for span in SPAN_DESCRIPTIONS}


def edges(spans: list[Json]) -> set[tuple[str, str, str]]:
    """Return (parent's name, name, service) of every span; of a missing parent, the id."""
    names: dict[str, str] = {span["span_id"]: span["name"] for span in spans}
    parents: list[str] = [span["parent_span_id"] for span in spans]
    return {
        (names.get(parent, parent), span["name"], span["service"]) for parent, span in zip(parents, spans, strict=True)
    }


def test_mail_reaches_the_relay(stack: Stack, subject: str) -> None:
    """A mail is delivered to the relay over TLS, with its headers and without the trace header."""
    message_id = stack.send(subject, body="Grüße, 你好", **{"from": "visitor@web.example"})
    mail = stack.received(subject)
    headers = dict(mail["headers"])
    assert mail["recipients"] == [RECIPIENT]
    assert mail["sender"] == "hi@dinky.example"
    assert mail["tls_version"].startswith("TLSv1.")
    assert mail["text"].strip() == "Grüße, 你好"
    assert headers["From"] == "hi@dinky.example"
    assert headers["Reply-To"] == "visitor@web.example"
    assert headers["Message-ID"] == f"<{message_id}.mail-api@dinky.example>"
    assert "Traceparent" not in headers


def test_one_trace_from_the_request_to_the_relays_reply(stack: Stack, subject: str) -> None:
    """The trace has the span of every hop below that of the hop before, and ends with the relay's reply."""
    message_id = stack.send(subject)
    spans = stack.trace(message_id, until_named=("POST /send", LAST_SPAN))
    assert edges(spans) == EDGES
    assert len(spans) == len(EDGES)
    deliver = next(span for span in spans if span["name"] == "postfix deliver")
    assert deliver["attributes"]["mail.status"] == "sent"
    assert deliver["attributes"]["server.address"] == "sandbox-relay"
    assert deliver["attributes"]["server.port"] == 587
    assert deliver["events"][0]["attributes"]["mail.reply"].startswith("250 2.0.0 OK")
    assert deliver["status"]["code"] == "ok"


def test_spans_follow_each_other_in_time(stack: Stack, subject: str) -> None:
    """Postfix's spans begin after the request, and the stages of an attempt follow each other without a gap."""
    spans = {span["name"]: span for span in stack.trace(stack.send(subject), until_named=("POST /send", LAST_SPAN))}
    request, deliver = spans["POST /send"], spans["postfix deliver"]
    stages = [spans[f"postfix {stage}"] for stage in ("wait", "queue", "connect", "transmit")]
    assert request["start_time_unix_nano"] <= spans["postfix receive"]["start_time_unix_nano"]
    assert stages[0]["start_time_unix_nano"] == deliver["start_time_unix_nano"]
    for before, after in pairwise(stages):
        assert before["end_time_unix_nano"] == after["start_time_unix_nano"]
    assert stages[-1]["end_time_unix_nano"] == deliver["end_time_unix_nano"]
    assert deliver["end_time_unix_nano"] - request["start_time_unix_nano"] < 10e9


def test_trace_context_without_a_key(stack: Stack, subject: str) -> None:
    """The trace context of a caller without a key is ignored."""
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    payload = {"to": RECIPIENT, "subject": subject, "body": "x"}
    response = stack.post(payload, traceparent=f"00-{trace_id}-00f067aa0ba902b7-00")
    spans = stack.trace(response.json()["id"], until_named=("POST /send", LAST_SPAN))
    assert trace_id not in {span["trace_id"] for span in spans}


def test_counters_increase(stack: Stack, subject: str) -> None:
    """The API counts an accepted message; the exporter counts its arrival, its attempt and each stage's time."""
    counters: tuple[tuple[tuple[str, int], str, dict[str, str]], ...] = (
        (API_METRICS, "mail_api_messages_total", {"result": "accepted"}),
        (API_METRICS, "mail_api_submission_duration_seconds_count", {}),
        (EXPORTER, "postfix_messages_received_total", {"entry": "api"}),
        (EXPORTER, "postfix_delivery_attempts_total", {"status": "sent", "relay": "sandbox-relay"}),
        (EXPORTER, "postfix_delivery_stage_seconds_count", {"stage": "transmission"}),
    )
    before = [stack.value(service, name, **labels) for service, name, labels in counters]
    stack.send(subject)
    stack.received(subject)
    expected = [value + 1 for value in before]
    until(
        "every counter one higher",
        lambda: expected == [stack.value(service, name, **labels) for service, name, labels in counters],
    )


def test_volumes_name_their_disk(stack: Stack) -> None:
    """The label disk of each volume lists the volumes that have the same device number in the exporter's container."""
    paths = {"ledger": "/var/lib/mail-ledger", "log": "/var/log/mail", "spool": "/var/spool/postfix"}
    numbers = stack.execute("mail-exporter", "stat", "--format=%d", *paths.values()).split()
    devices = dict(zip(paths, numbers, strict=True))
    disks = {
        sample.labels["volume"]: sample.labels["disk"]
        for sample in stack.samples(EXPORTER)
        if sample.name == "mail_volume_free_bytes"
    }
    assert disks == {
        volume: ", ".join(other for other, number in devices.items() if number == devices[volume]) for volume in paths
    }


def test_exporter_parses_every_line(stack: Stack, subject: str) -> None:
    """Every line of Postfix is parsed, and every part of the exporter can be read."""
    stack.send(subject)
    stack.received(subject)
    lines = {
        result: stack.value(EXPORTER, "postfix_log_lines_total", result=result)
        for result in ("foreign", "unsupported", "malformed")
    }
    assert lines == {"foreign": 0, "unsupported": 0, "malformed": 0}
    for part in ("queue", "log", "ledger"):
        assert stack.value(EXPORTER, "mail_exporter_scrape_success", part=part) == 1


def test_mail_log_on_standard_output(stack: Stack, subject: str) -> None:
    """`docker logs mail-server` has the original banner and the log lines of the mail."""
    message_id = stack.send(subject)
    stack.received(subject)
    log = until("the mail in the log", lambda: text if message_id in (text := stack.logs("mail-server")) else None)
    banner = [line.partition("| ")[2].strip() for line in log.splitlines()]
    start = banner.index("Mail server configuration:")
    assert banner[start : start + 8] == [
        "Mail server configuration:",
        "-------------------------",
        "Hostname: mail.dinky.example",
        "Domain: dinky.example",
        "Default From: hi@dinky.example",
        "Relay: sandbox-relay:587",
        "Relay User: sandbox@gmail.example",
        "-------------------------",
    ]


def test_logs_are_json_with_the_trace(stack: Stack, subject: str) -> None:
    """The API's log line about a mail is JSON with the mail's trace id."""
    message_id = stack.send(subject)
    trace_id = stack.trace(message_id, until_named=("POST /send",))[0]["trace_id"]
    lines = [json.loads(line.partition("| ")[2]) for line in stack.logs("mail-api").splitlines()]
    accepted = next(line for line in lines if line.get("mail.message_id") == message_id)
    assert accepted["trace_id"] == trace_id
    assert accepted["service"] == "mail-api"
    assert RECIPIENT not in json.dumps(lines)


def test_postconf_shows_no_password(stack: Stack) -> None:
    """`postconf -n` prints the settings without a warning or a password."""
    shown = stack.execute("mail-server", "sh", "-c", "postconf -n 2>&1")
    assert "sandbox-relay" in shown
    assert "sandboxapppasswd" not in shown
    assert "sandbox-password" not in shown
    assert "warning" not in shown


def test_mail_command_in_the_container(stack: Stack, subject: str) -> None:
    """The original command `mail -s` in the mail server's container sends a mail."""
    stack.execute("mail-server", "sh", "-c", f"echo 'This is a test' | mail -s '{subject}' {RECIPIENT}")
    assert stack.received(subject)["text"].strip() == "This is a test"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health(stack: Stack, method: str) -> None:
    """The original command `curl -I /health` is answered 200."""
    response = stack.http.request(method, stack.url(("mail-api", 20001), "/health"))
    assert response.status_code == 200


def test_metrics_are_not_on_the_public_port(stack: Stack) -> None:
    """The public port has no metrics."""
    assert stack.http.get(stack.url(("mail-api", 20001), "/metrics")).status_code == 404


def test_sandbox_page(stack: Stack, subject: str) -> None:
    """The sandbox's page lists the mail."""
    stack.send(subject)
    stack.received(subject)
    assert subject in stack.http.get(stack.url(SANDBOX, "/")).text
