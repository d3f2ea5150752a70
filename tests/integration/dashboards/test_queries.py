"""Every dashboard query on a real Prometheus: with no deferred mail, with failing mail, without the exporter."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from dashboards.board_files import Asked, boards, panels, promql
from dashboards.boards import Board
from dashboards.colours import GREY
from dashboards.model import Origin
from tests.integration import test_signals as ways
from tests.integration.alerts.monitoring import Monitoring, monitored
from tests.integration.dashboards.evaluate import NUMBERS, Answer, Shown, answers, shown
from tests.integration.stack import API_METRICS, EXPORTER, RECIPIENT, Json, Stack, until

_ROUNDS_SECONDS = 30.0
MAY_BE_EMPTY = {"annotation Warnings": "no warning has to begin"}
VERDICT = (Board.OVERVIEW, "Mail now")
EXPORTER_PANELS = {
    (uid, panel["title"])
    for uid, board in boards().items()
    for panel in panels(board)
    if panel["type"] in NUMBERS and panel["fieldConfig"]["defaults"]["noValue"] == Origin.EXPORTER.value
}
"""Panels with a number that only the exporter provides."""
EVENTS = {
    Board.OVERVIEW: (
        *("Mail now", "Mail API", "Mail server", "Exporter", "Alerts", "Oldest deferred", "Queued mails"),
        "On time, 7 days",
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
            "Certificate ends in",
        ),
        *("Oldest deferred mail by cause", "Attempts by status and relay", "Failed attempts by cause", "TLS sessions"),
        *("Mean latency by stage", "p95 by stage", "Connections by listener"),
        *("Rejected connections", "Rejections by listener", "Failed logins by listener", "Mail size"),
        *("Forwarded mail by outcome", "Postfix notifications", "Free share by disk", "Free disk space"),
        "Delivery time",
    ),
    Board.QUOTA: (
        *("Quota used", "Quota left", "Quota, rolling 24 h", "Quota used by entry"),
        "Sent per hour by relay",
    ),
    Board.TELEMETRY: (
        *("Scrape success by part", "Scrape targets", "Log lines per second", "Exported and dropped spans"),
        *("Log position and backlog", "Tracked mails", "Scrape duration", "Memory"),
        *("Samples per scrape", "API started", "Exporter started", "CPU usage"),
    ),
}
"""Panels with a value above 0 after the traffic of these tests."""


def send_rejected_and_repeated(stack: Stack) -> None:
    """Send a mail of a bot, one with a wrong key, and a repeated one."""
    mail: Json = {"to": RECIPIENT, "subject": "dashboards", "body": "x"}
    assert stack.post(mail | {"hp_url": "http://spam.example"}).status_code == 200
    assert stack.post(mail, Authorization="Bearer dm_guessed").status_code == 401
    for _ in range(2):
        assert stack.post(mail, **{"Idempotency-Key": "dashboards-once"}).status_code == 200


class Observed(NamedTuple):
    """The results and the shown texts at three times."""

    answers: dict[Asked, Answer]
    """While mail is deferred."""
    idle: dict[tuple[str, str], Shown]
    busy: dict[tuple[str, str], Shown]
    down: dict[tuple[str, str], Shown]
    """While the exporter is stopped."""


@pytest.fixture(scope="module")
def observed(stack: Stack) -> Iterator[Observed]:
    """Send mail to each entry, let the relay fail, run all queries while mail is deferred; then stop the exporter."""
    with monitored(stack) as prometheus:
        until("two scrapes each", lambda: len(prometheus.query('count_over_time(up{job=~"mail-.+"}[1m]) > 2')) == 2)
        until("the first evaluation of the rules", lambda: "MailWatchdog" in prometheus.firing())
        idle = until("a verdict", lambda: shown_idle(stack, prometheus))
        stack.command("restart", "mail-api")
        stack.start()
        until("a second start", lambda: prometheus.query("changes(process_start_time_seconds[2m]) > 0"))
        send_rejected_and_repeated(stack)
        for way in (ways.by_api, ways.by_submission, ways.from_outside, ways.bounced_and_deferred):
            way(stack, "dashboards")
        with stack.fault("wrong_password"):
            stack.send("dashboards, waiting")
            until("a mail that waits", lambda: stack.value(EXPORTER, "postfix_queue_messages", queue="deferred"))
            until("an alert", lambda: "MailRelayRefusesCredentials" in prometheus.firing())
            wait_for_counters(stack, prometheus)
            found, busy = run_all_queries(prometheus), shown(prometheus.query)
        stack.command("stop", "mail-exporter")
        try:
            until("a scrape that fails", lambda: prometheus.query('up{job="mail-exporter"} == 0'))
            down = shown(prometheus.query)
        finally:
            stack.start()
        yield Observed(found, idle, busy, down)


def shown_idle(stack: Stack, prometheus: Monitoring) -> dict[tuple[str, str], Shown] | None:
    """Return the texts after a delivered mail, or None while the sped-up alert on an old log still fires."""
    stack.status(stack.send("dashboards, idle"), "relayed")
    found = shown(prometheus.query)
    return None if found[VERDICT].text.startswith("Unknown") else found


def run_all_queries(prometheus: Monitoring) -> dict[Asked, Answer]:
    """Return the results of all queries, which are repeated because a mail is not deferred during an attempt."""
    found: dict[Asked, Answer] = {}

    def look() -> bool:
        for answer in answers(prometheus.query):
            if answer.most > 0 or answer.asked not in found:
                found[answer.asked] = answer
        seen = {(asked.board, asked.panel) for asked, answer in found.items() if answer.most > 0}
        return seen >= {(board, panel) for board, names in EVENTS.items() for panel in names}

    with suppress(TimeoutError):  # the tests report missing events
        until("every event", look, _ROUNDS_SECONDS)
    return found


def wait_for_counters(stack: Stack, prometheus: Monitoring) -> None:
    """Wait until Prometheus has the current counters of the services."""
    for service, name, job in (
        (EXPORTER, "postfix_log_lines_total", "mail-exporter"),
        (API_METRICS, "mail_api_messages_total", "mail-api"),
    ):
        now = sum(sample.value for sample in stack.samples(service) if sample.name == name)
        until(f"{name} of {now}", lambda now=now, name=name, job=job: _sum(prometheus, name, job) >= now)  # type: ignore[misc]  # mypy can't infer it


def _sum(prometheus: Monitoring, name: str, job: str) -> float:
    series = prometheus.query(f'sum({name}{{job="{job}"}})')
    return float(series[0]["value"][1]) if series else 0.0


@pytest.mark.parametrize(("board", "panel"), [*dict.fromkeys((one.board, one.panel) for one in promql())])
def test_panel_has_an_answer(observed: Observed, board: str, panel: str) -> None:
    """Prometheus accepts every query, and returns series for every panel, if only the one for no data."""
    found = [answer for asked, answer in observed.answers.items() if (asked.board, asked.panel) == (board, panel)]
    assert any(answer.values for answer in found) or panel in MAY_BE_EMPTY


@pytest.mark.parametrize(("board", "panel"), [(board, panel) for board, names in EVENTS.items() for panel in names])
def test_event_is_shown(observed: Observed, board: Board, panel: str) -> None:
    """After an event the panel has a value above 0."""
    values = {
        asked.expression: answer.most
        for asked, answer in observed.answers.items()
        if (asked.board, asked.panel) == (board, panel)
    }
    assert max(values.values()) > 0, values


def test_numbers_while_nothing_waits(observed: Observed) -> None:
    """With both services up, every number is known, or its text explains why there is none."""
    assert {place: one for place, one in observed.idle.items() if one.text.startswith(("No data", "Not known"))} == {}
    assert observed.idle[Board.QUOTA, "Exhausted in"] == Shown("Not within a day", "green")
    assert observed.idle[VERDICT].text


def test_numbers_while_mail_waits(observed: Observed) -> None:
    """With deferred mail the verdict names the reason and the numbers; no number is unknown."""
    verdict = observed.busy[VERDICT]
    assert verdict.text.startswith("Mail waits: the relay refuses the login ("), verdict
    assert verdict.text.endswith(" min)")
    assert verdict.colour == "red"
    assert {place: one for place, one in observed.busy.items() if one.text.startswith(("No data", "Not known"))} == {}


def test_numbers_without_the_exporter(observed: Observed) -> None:
    """Without the exporter its numbers are grey with the reason, and no other panel is wrong."""
    assert len(EXPORTER_PANELS) > 15
    assert {observed.down[place] for place in EXPORTER_PANELS} == {Shown("No data: exporter down", GREY)}
    assert observed.down[Board.OVERVIEW, "Exporter"] == Shown("Down", "red")
    assert observed.down[Board.OVERVIEW, "Mail API"] == Shown("Up", "green")
    assert observed.down[VERDICT] == Shown("Unknown: no data from the exporter", GREY)
