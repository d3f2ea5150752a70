"""Every query of the dashboards, asked while mail flows and breaks."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from dashboards.boards import Board
from dashboards.reading import Asked, promql
from tests.integration import test_signals as ways
from tests.integration.alerts.monitoring import Monitoring, monitored
from tests.integration.dashboards.asking import Answer, answers
from tests.integration.stack import API_METRICS, EXPORTER, RECIPIENT, Json, Stack, until

_ROUNDS_SECONDS = 30.0
MAY_BE_EMPTY = {
    "Exhausted in": "a few mails are no pace that ends within a day",
    "Time to exhaustion": "same",
    "annotation Warnings": "no warning has to begin",
}
EVENTS = {
    Board.OVERVIEW: (
        *("Mail API", "Mail server", "Exporter", "Alerts", "Oldest deferred", "Queued mails", "On time, 7 days"),
        *("Failed logins", "Relay abuse", "Quota used", "Received mails by entry", "Firing alerts"),
        *("Recipients by outcome", "Causes and next steps", "annotation Restarts"),
        "annotation Critical alerts",
    ),
    Board.API: (
        *("Send requests", "Accepted", "Requests by result", "Rejections by result", "Request latency"),
        *("Responses by path and status", "Submission latency", "Submission p95"),
        *("Rate limits and bots", "API key rejections", "Idempotency results", "SMTP connection pool"),
        "Mean latency by stage",
    ),
    Board.SERVER: (
        *(
            "Mails by queue",
            "Oldest mail by queue",
            "Bytes by queue",
            "Deferred mails by cause",
            "Certificate expires in",
        ),
        *("Oldest deferred mail by cause", "Attempts by status and relay", "Failed attempts by cause", "TLS sessions"),
        *("Mean latency by stage", "p95 by stage", "Connections by listener"),
        *("Rejected connections", "Rejections by listener", "Failed logins by listener", "Mail size"),
        *("Forwarded mail by outcome", "Postfix notifications", "Free disk space by volume", "Least free disk space"),
        "Delivery time",
    ),
    Board.QUOTA: (
        *("Quota used", "Quota left", "Quota, rolling 24 h", "Quota used by entry"),
        "Sent per hour by relay",
    ),
    Board.TELEMETRY: (
        *("Scrape success by part", "Scrape targets", "Log lines per second", "Exported and dropped spans"),
        *("Log position and backlog", "Tracked mails", "Scrape duration", "Memory"),
        *("Samples per scrape", "Started", "CPU usage"),
    ),
}
"""Where something is to be seen after the traffic below."""


def what_callers_do(stack: Stack) -> None:
    """Be a robot, guess a key, and repeat a request."""
    mail: Json = {"to": RECIPIENT, "subject": "dashboards", "body": "x"}
    assert stack.post(mail | {"hp_url": "http://spam.example"}).status_code == 200
    assert stack.post(mail, Authorization="Bearer dm_guessed").status_code == 401
    for _ in range(2):
        assert stack.post(mail, **{"Idempotency-Key": "dashboards-once"}).status_code == 200


@pytest.fixture(scope="module")
def found(stack: Stack) -> Iterator[dict[Asked, Answer]]:
    """Watch the stack, drive mail each way, break the relay, and ask everything while a mail waits."""
    with monitored(stack) as prometheus:
        until("first scrapes", lambda: len(prometheus.query('up{job=~"mail-.+"} == 1')) == 2)
        stack.command("restart", "mail-api")
        stack.command("up", "--detach", "--wait")
        until("a second start", lambda: prometheus.query("changes(process_start_time_seconds[2m]) > 0"))
        what_callers_do(stack)
        for way in (ways.by_api, ways.by_submission, ways.from_outside, ways.bounced_and_deferred):
            way(stack, "dashboards")
        with stack.fault("wrong_password"):
            stack.send("dashboards, waiting")
            until("a mail that waits", lambda: stack.value(EXPORTER, "postfix_queue_messages", queue="deferred"))
            until("an alert", lambda: "MailRelayRefusesCredentials" in prometheus.firing())
            seen(stack, prometheus)
            yield asked(prometheus)


def asked(prometheus: Monitoring) -> dict[Asked, Answer]:
    """Return what every query found, asked again and again: while a mail is being tried, it does not wait."""
    found: dict[Asked, Answer] = {}

    def look() -> bool:
        for answer in answers(prometheus.query):
            if answer.most > 0 or answer.asked not in found:
                found[answer.asked] = answer
        seen = {(asked.board, asked.panel) for asked, answer in found.items() if answer.most > 0}
        return seen >= {(board, panel) for board, names in EVENTS.items() for panel in names}

    with suppress(TimeoutError):  # the tests name what is missing
        until("every event", look, _ROUNDS_SECONDS)
    return found


def seen(stack: Stack, prometheus: Monitoring) -> None:
    """Wait until Prometheus has what the services count now."""
    for service, name, job in (
        (EXPORTER, "postfix_log_lines_total", "mail-exporter"),
        (API_METRICS, "mail_api_messages_total", "mail-api"),
    ):
        now = sum(sample.value for sample in stack.samples(service) if sample.name == name)
        until(f"{name} of {now}", lambda now=now, name=name, job=job: _sum(prometheus, name, job) >= now)  # type: ignore[misc]  # mypy can't infer it


def _sum(prometheus: Monitoring, name: str, job: str) -> float:
    series = prometheus.query(f'sum({name}{{job="{job}"}})')
    return float(series[0]["value"][1]) if series else 0.0


@pytest.mark.parametrize("asked", [*dict.fromkeys(promql())], ids=lambda asked: asked.name)
def test_query_has_an_answer(found: dict[Asked, Answer], asked: Asked) -> None:
    """Prometheus takes every query, and finds series; a panel that may be empty is known to be."""
    assert found[asked].values or asked.panel in MAY_BE_EMPTY


@pytest.mark.parametrize(("board", "panel"), [(board, panel) for board, names in EVENTS.items() for panel in names])
def test_event_is_seen(found: dict[Asked, Answer], board: Board, panel: str) -> None:
    """Where something happened, a number is above nothing."""
    values = {
        asked.expression: answer.most for asked, answer in found.items() if (asked.board, asked.panel) == (board, panel)
    }
    assert max(values.values()) > 0, values
