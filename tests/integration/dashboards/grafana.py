"""Grafana with the provisioned data sources and dashboards, beside a stack with sent and deferred mail.

The images are those of the monitoring profile, the compose file is `docker-compose.grafana.yml`.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

import httpx2
import yaml
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.docker_client import DockerClient

from dashboards.board_files import boards
from dashboards.boards import Board
from mail_ledger.status import State
from tests.integration.api import webdriver
from tests.integration.dashboards import panel_queries
from tests.integration.dashboards.screen import SHOWN, Screen
from tests.integration.stack import RECIPIENT, ROOT, Json, Stack, until

GRAFANA: Final = ("grafana", 3000)
LOKI: Final = ("loki", 3100)
TEMPO: Final = ("tempo", 3200)
PROMETHEUS: Final = ("prometheus", 9090)
PARTS: Final = (PROMETHEUS, LOKI, TEMPO, GRAFANA)
INSIDE: Final = "http://grafana:3000"
"""Grafana's address for the browser, which runs on the stack's network."""

_START_SECONDS: Final = 90.0
_ALERT_SECONDS: Final = 240.0
"""The time for a scrape, the alert's minute and two evaluations."""
_SERVICES: Final = ("mail-server", "mail-api", "mail-exporter")


class ImageMissing(Exception):
    """An image is not on this machine and cannot be pulled."""

    def __init__(self, image: str, reason: str) -> None:
        super().__init__(f"image {image} cannot be pulled: {reason}")
        self.image = image


class Mail(NamedTuple):
    """A mail that was deferred and then sent, for the message trail."""

    message_id: str
    trace_id: str

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of the message trail for this mail."""
        return {"id": self.message_id, "trace": self.trace_id}


class Grafana:
    """A client of Grafana's API without a login.

    Args:
        http: an HTTP client with Grafana's address.
        mail: the mail for the message trail.
    """

    def __init__(self, http: httpx2.Client, mail: Mail) -> None:
        self.http = http
        self.mail = mail

    def path(self, uid: str) -> str:
        """Return a dashboard's path with the time range of the sent mail, and for the message trail with that mail."""
        mail = "".join(f"&var-{name}={value}" for name, value in self.mail.variables.items())
        return f"/d/{uid}?{SHOWN}{mail if uid == Board.TRAIL else ''}"

    def links_of_sources(self) -> list[str]:
        """Return the addresses of the data sources' links, as Grafana returns them to its pages."""
        sources: Json = self.http.get("/api/frontend/settings").raise_for_status().json()["datasources"]
        by_uid = {one.get("uid"): one for one in sources.values()}
        return panel_queries.links_of(by_uid[uid]["jsonData"] for uid in panel_queries.source_uids().values())

    def ask(self, board: Json, panel: Json) -> dict[str, str]:
        """Run a panel's queries and return the errors by refId."""
        asked = panel_queries.queries(panel, panel_queries.chosen(board, self.mail.variables))
        searches = [query for query in asked if panel_queries.is_search(query)]
        others = [query for query in asked if query not in searches]
        found = {query["refId"]: error for query in searches if (error := self._search(query))}
        if others:
            answer = self.http.post("/api/ds/query", json=panel_queries.request(others)).json()
            found |= panel_queries.errors(others, answer)
        return found

    def _search(self, query: Json) -> str:
        now = int(time.time())
        parameters = {"q": query["query"], "limit": query.get("limit", 20), "start": now - 3600, "end": now}
        path = f"/api/datasources/proxy/uid/{query['datasource']['uid']}/api/search"
        answer = self.http.get(path, params=parameters)
        return "" if answer.is_success else answer.text


def require_images() -> None:
    """Pull the images that are missing.

    Raises:
        ImageMissing: an image cannot be pulled.
    """
    profile = yaml.safe_load((ROOT / "docker-compose.monitoring.yml").read_text())["services"]
    for image in (*(profile[name]["image"] for name, _ in PARTS), webdriver.IMAGE):
        pull(image)


def pull(image: str) -> None:
    """Pull an image, unless it exists.

    Raises:
        ImageMissing: it cannot be pulled.
    """
    images = DockerClient().client.images
    try:
        images.get(image)
    except ImageNotFound:
        try:
            images.pull(image)
        except (DockerException, OSError) as failure:
            raise ImageMissing(image, str(getattr(failure, "explanation", failure))) from failure


@contextmanager
def shown() -> Iterator[tuple[Grafana, Screen]]:
    """Run a stack with its monitoring while the relay rejects the login; yield Grafana's API and its pages.

    Raises:
        ImageMissing: an image cannot be pulled.
    """
    require_images()
    with Stack("grafana").running() as stack:
        _wait_until_started(stack)
        mail = _send_mails(stack)
        with stack.fault("wrong_password"):
            _defer_mails(stack)
            _send_lines(stack)
            address = stack.url(GRAFANA)
            with (
                httpx2.Client(base_url=address, timeout=30) as http,
                webdriver.webdriver_server(stack.network()) as server,
                webdriver.browser(server, script=True) as window,
            ):
                yield Grafana(http, mail), Screen(window, INSIDE)


def _wait_until_started(stack: Stack) -> None:
    """Wait until every part answers, Grafana has all dashboards, and Prometheus has scraped both services."""
    for part, path in ((LOKI, "/ready"), (TEMPO, "/ready"), (PROMETHEUS, "/-/ready")):
        until(f"{part[0]} ready", lambda part=part, path=path: _is_ready(stack, part, path), _START_SECONDS)  # type: ignore[misc]  # mypy can't infer it
    for uid in boards():
        path = f"/api/dashboards/uid/{uid}"
        until(f"{uid} in Grafana", lambda path=path: _is_ready(stack, GRAFANA, path), _START_SECONDS)  # type: ignore[misc]  # same
    until("scrapes of both services", lambda: len(_query(stack, 'up{job=~"mail-.+"} == 1')) == 2, _START_SECONDS)


def _is_ready(stack: Stack, part: tuple[str, int], path: str) -> bool:
    try:
        return stack.http.get(stack.url(part, path)).is_success
    except httpx2.HTTPError:
        return False


def _query(stack: Stack, expression: str) -> list[Json]:
    answer = stack.http.get(stack.url(PROMETHEUS, "/api/v1/query"), params={"query": expression})
    found: list[Json] = answer.raise_for_status().json()["data"]["result"]
    return found


def _send_mails(stack: Stack) -> Mail:
    """Send one mail that is delivered, one that is rejected, one that bounces; return one that is delivered later."""
    stack.send("dashboards, sent")
    rejected = {"to": "other@elsewhere.example", "subject": "dashboards, rejected", "body": "Hello"}
    assert stack.post(rejected).is_client_error
    with stack.fault("unknown_recipient", recipient=RECIPIENT, count=1):
        stack.status(stack.send("dashboards, bounced"), State.BOUNCED)
    with stack.fault("wrong_password"):
        message_id = stack.send("dashboards, deferred")
        stack.status(message_id, State.DEFERRED)
    trace_id = stack.status(message_id, State.RELAYED)["trace_id"]
    path = f"/api/traces/{trace_id}"
    until(f"trace {trace_id}", lambda: "postfix finish" in stack.http.get(stack.url(TEMPO, path)).text)
    return Mail(message_id, trace_id)


def _defer_mails(stack: Stack) -> None:
    """Send mails that are deferred, and wait until an alert fires."""
    for _ in range(5):
        stack.status(stack.send("dashboards, waiting"), State.DEFERRED)
    until("an alert", lambda: _query(stack, 'ALERTS{alertstate="firing",severity="critical"}'), _ALERT_SECONDS)


def _send_lines(stack: Stack) -> None:
    """Send the services' log lines to Loki, with the labels that Alloy sets."""
    for service in _SERVICES:
        for stream in ("stdout", "stderr"):
            labels = {"container": service, "stream": stream}
            if values := _lines(stack, service, stream):
                pushed = {"streams": [{"stream": labels, "values": values}]}
                stack.http.post(stack.url(LOKI, "/loki/api/v1/push"), json=pushed).raise_for_status()


def _lines(stack: Stack, service: str, stream: str) -> list[tuple[str, str]]:
    """Return the lines of a container's log, each with its time in nanoseconds.

    Docker shows a line as `2026-11-30T09:57:12.123456789Z {"time": ...}`.
    """
    container = stack.container(service)
    text = container.logs(stdout=stream == "stdout", stderr=stream == "stderr", timestamps=True).decode()
    found = (line.partition(" ") for line in text.splitlines())
    return [(nanoseconds(moment), line) for moment, _, line in found if line]


def nanoseconds(moment: str) -> str:
    """Return a time of Docker's log, such as `2026-11-30T09:57:12.1234Z`, as nanoseconds since 1970."""
    seconds, _, fraction = moment.removesuffix("Z").partition(".")
    return f"{datetime.fromisoformat(f'{seconds}+00:00').timestamp():.0f}{fraction:0<9}"
