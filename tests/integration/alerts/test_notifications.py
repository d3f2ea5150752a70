"""Notifications of a real Alertmanager to each kind of receiver: title, text, links."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import httpx2
import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from alerts.routes.receivers import MAIL, receivers
from alerts.routes.settings import RouteSettings
from alerts.yaml_text import dump
from tests.integration.alerts.receiving import Receivers, Request, receiving
from tests.integration.alerts.tools import ALERTMANAGER
from tests.integration.stack import until

HOST: Final = "host.docker.internal"
TOKEN: Final = "ntfy-token"
LASTED: Final = timedelta(minutes=12)
Json = dict[str, Any]


class Notification(NamedTuple):
    """A notification as it is displayed; without a separate title, the title is the text's first line."""

    title: str
    text: str


class Receiving(NamedTuple):
    """An Alertmanager, and the receivers that it sends to."""

    http: httpx2.Client
    received: Receivers


@pytest.fixture(scope="module")
def receiving_alertmanager() -> Iterator[Receiving]:
    """Return a running Alertmanager with the shipped receivers, which groups by the label `case`."""
    with receiving() as received:
        site = f"http://{HOST}:{received.http_port}"
        container = (
            DockerContainer(ALERTMANAGER)
            .with_kwargs(extra_hosts={HOST: "host-gateway"})
            .with_exposed_ports(9093)
            .with_copy_into_container(configuration(received).encode(), "/etc/alertmanager/alertmanager.yml")
            .waiting_for(HttpWaitStrategy(9093, "/-/ready"))
        )
        for name in ("ntfy", "discord", "slack"):
            container.with_copy_into_container(f"{site}/{name}".encode(), f"/etc/alertmanager/{name}")
        for name in ("ntfy-token", "telegram-token"):
            container.with_copy_into_container(TOKEN.encode(), f"/etc/alertmanager/{name}")
        with container:
            url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(9093)}"
            with httpx2.Client(base_url=url, timeout=10) as http:
                yield Receiving(http, received)


def configuration(received: Receivers) -> str:
    """Return an alertmanager.yml with all kinds of receivers; only Telegram's address is not one of our settings."""
    settings = RouteSettings.model_construct(
        alert_webhook_url=f"http://{HOST}:{received.http_port}/webhook",
        alert_ntfy_url_file="/etc/alertmanager/ntfy",
        alert_ntfy_token_file="/etc/alertmanager/ntfy-token",
        alert_telegram_chat_id=-100,
        alert_telegram_bot_token_file="/etc/alertmanager/telegram-token",
        alert_discord_webhook_url_file="/etc/alertmanager/discord",
        alert_slack_webhook_url_file="/etc/alertmanager/slack",
        alert_email_to="admin@dinky.local",
        alert_email_smarthost=f"{HOST}:{received.smtp_port}",
    )
    mail, _ = receivers(settings)
    mail["telegram_configs"][0]["api_url"] = f"http://{HOST}:{received.http_port}"
    timed = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
    return dump({"route": {"receiver": MAIL, "group_by": ["case"], **timed}, "receivers": [mail]}, "Of a test.")


def alert(case: str, severity: str, summary: str, *, ended: bool = False) -> Json:
    """Return an alert as Prometheus posts it: one that fires has just begun, one that ended began LASTED ago.

    Alertmanager sends an alert that began longer ago than group_wait at once, without those that are posted with it.
    When the alert ends, it takes the earlier beginning of the two.
    """
    now = datetime.now(UTC)
    return {
        "labels": {"service": "mail", "case": case, "severity": severity, "alertname": f"Mail{severity}{summary}"},
        "annotations": {
            "summary": summary,
            "description": f"Described: {summary} <at once> & now.",
            "runbook_url": f"https://runbooks.example/{severity}.md",
            "dashboard_url": f"https://grafana.example/d/{severity}",
        },
        "startsAt": (now - LASTED if ended else now).isoformat(),
        "endsAt": (now + (timedelta(0) if ended else timedelta(hours=1))).isoformat(),
    }


REFUSED: Final = ("critical", "The relay refuses our login")
WAITS: Final = ("warning", "Mail has waited for 12m: auth")
DROPPED: Final = ("info", "Spans go nowhere")


class Case(NamedTuple):
    """Alerts, the title of their notification, and the headings of its text in order."""

    firing: tuple[tuple[str, str], ...]
    ended: tuple[tuple[str, str], ...]
    title: str
    headings: tuple[str, ...]


CASES: Final = {
    "one": Case((REFUSED,), (), "Mail critical: the relay refuses our login", ()),
    "several": Case(
        (DROPPED, WAITS, REFUSED),
        (),
        "Mail critical: the relay refuses our login (+2)",
        (f"CRITICAL: {REFUSED[1]}", f"WARNING: {WAITS[1]}", f"INFO: {DROPPED[1]}"),
    ),
    "mixed": Case(
        (DROPPED, WAITS),
        (REFUSED,),
        "Mail warning: Mail has waited for 12m: auth (+1, 1 resolved)",
        (f"WARNING: {WAITS[1]}", f"INFO: {DROPPED[1]}", f"Resolved after 12 min: {REFUSED[1]}"),
    ),
    "one fires and one ended": Case(
        (WAITS,),
        (REFUSED,),
        "Mail warning: Mail has waited for 12m: auth (1 resolved)",
        (f"WARNING: {WAITS[1]}", f"Resolved after 12 min: {REFUSED[1]}"),
    ),
    "resolved": Case((), (REFUSED,), "Mail resolved after 12 min: the relay refuses our login", ()),
    "several resolved": Case(
        (),
        (REFUSED, DROPPED),
        "Mail resolved after 12 min: the relay refuses our login (+1)",
        (f"Resolved after 12 min: {REFUSED[1]}", f"Resolved after 12 min: {DROPPED[1]}"),
    ),
}
"""Groups of alerts, by the value of the grouping label."""


def notify(receiving_alertmanager: Receiving, name: str) -> dict[str, Notification]:
    """Let the alerts of a case fire and some of them end; return the last notification of each kind of receiver."""
    case, first = CASES[name], receiving_alertmanager.received.count()

    def post(ended: bool, *alerts: tuple[str, str]) -> None:  # noqa: FBT001 - the alerts follow
        posted = [alert(name, *one, ended=ended) for one in alerts]
        receiving_alertmanager.http.post("/api/v2/alerts", json=posted).raise_for_status()

    def arrived(times: int) -> bool:
        return receiving_alertmanager.received.count() == first + times * NUMBER_OF_KINDS

    post(False, *case.firing, *case.ended)
    until("a notification of each kind", lambda: arrived(1))
    if case.ended:
        post(True, *case.ended)
        until("a second notification of each kind", lambda: arrived(2))
    return newest(receiving_alertmanager.received)


NUMBER_OF_KINDS: Final = 6


def newest(received: Receivers) -> dict[str, Notification]:
    """Return the newest notification of each kind that has a text."""
    ntfy, discord = (last(received, kind).body["embeds"][0] for kind in ("/ntfy", "/discord"))
    slack = last(received, "/slack").body["attachments"][0]
    title, _, text = last(received, "/bot").body["text"].partition("\n\n")
    return {
        "ntfy": Notification(ntfy["title"], ntfy["description"]),
        "discord": Notification(discord["title"], discord["description"]),
        "slack": Notification(slack["title"], slack["text"]),
        "slack on a phone": Notification(slack["fallback"], slack["text"]),
        "telegram": Notification(title, text),
        "email": Notification(received.emails[-1]["Subject"], part(received, "plain")),
    }


def last(received: Receivers, path: str) -> Request:
    """Return the newest request to a path with this beginning."""
    return next(one for one in reversed(received.requests) if one.path.startswith(path))


def part(received: Receivers, kind: str) -> str:
    """Return a part of the newest e-mail."""
    body = received.emails[-1].get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


def blocks(text: str) -> list[list[str]]:
    """Return the lines of each alert in the text."""
    return [one.split("\n") for one in text.replace("\r\n", "\n").strip().split("\n\n")]


def expected_blocks(name: str) -> list[list[str]]:
    """Return the expected blocks of the text of a case."""
    case = CASES[name]
    by_severity = sorted(case.firing, key=[REFUSED, WAITS, DROPPED].index)
    found = []
    for severity, summary in (*by_severity, *case.ended):
        description = [] if (severity, summary) in case.ended else [f"Described: {summary} <at once> & now."]
        links = [
            f"Runbook: https://runbooks.example/{severity}.md",
            f"Dashboard: https://grafana.example/d/{severity}",
        ]
        found.append([*description, *links])
    headings = [[one] for one in case.headings] or [[] for _ in found]
    return [[*heading, *rest] for heading, rest in zip(headings, found, strict=True)]


@pytest.mark.parametrize("name", CASES)
def test_title_and_text(receiving_alertmanager: Receiving, name: str) -> None:
    """The title is the worst alert's summary and the number of others; the text has all alerts, the worst first."""
    found = notify(receiving_alertmanager, name)
    assert {kind: one.title for kind, one in found.items()} == dict.fromkeys(found, CASES[name].title)
    assert {kind: blocks(one.text) for kind, one in found.items()} == dict.fromkeys(found, expected_blocks(name))
    check_html(part(receiving_alertmanager.received, "html"), name)
    check_webhook(last(receiving_alertmanager.received, "/webhook").body, name)


def check_html(html: str, name: str) -> None:
    """The HTML part has the title, each heading, escaped descriptions, and links to runbook and dashboard."""
    case = CASES[name]
    assert f"<h2>{case.title}</h2>" in html
    assert [line for line in html.splitlines() if line.startswith("<h3>")] == [
        f"<h3>{one}</h3>" for one in case.headings
    ]
    for severity, summary in case.firing:
        assert f"<p>Described: {summary} &lt;at once&gt; &amp; now.</p>" in html
        assert f'<a href="https://runbooks.example/{severity}.md">Runbook</a>' in html
    for severity, _ in (*case.firing, *case.ended):
        assert f'<a href="https://grafana.example/d/{severity}">Dashboard</a>' in html


def check_webhook(body: Json, name: str) -> None:
    """A webhook gets Alertmanager's JSON without a title: each alert with its state and summary."""
    case = CASES[name]
    assert body["status"] == ("firing" if case.firing else "resolved")
    expected = {(one[1], "firing") for one in case.firing} | {(one[1], "resolved") for one in case.ended}
    assert {(one["annotations"]["summary"], one["status"]) for one in body["alerts"]} == expected


def test_ntfy_takes_title_and_message_from_the_body(receiving_alertmanager: Receiving) -> None:
    """The templates for ntfy are in headers, beside its token, and use fields of the body."""
    receiving_alertmanager.http.post("/api/v2/alerts", json=[alert("ntfy", *WAITS)]).raise_for_status()
    request = until("a request to ntfy", lambda: find_ntfy(receiving_alertmanager.received, WAITS[1]))
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert {name: value for name, value in request.headers.items() if name.startswith("X-")} == {
        "X-Template": "yes",
        "X-Title": "{{ (index .embeds 0).title }}",
        "X-Message": "{{ (index .embeds 0).description }}",
    }


def find_ntfy(received: Receivers, summary: str) -> Request | None:
    """Return a request to ntfy about this alert."""
    asked = (one for one in received.requests if one.path == "/ntfy")
    return next((one for one in asked if summary in one.body["embeds"][0]["title"]), None)
