"""What Compose, Prometheus and Alertmanager say of the folder after an installation."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx2
import pytest
import yaml
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from dinky.server_folder import ALERTMANAGER as ALERTMANAGER_FILE
from dinky.server_folder import COMPOSE, PROMETHEUS
from tests.contract.series import rules
from tests.integration.alerts.tools import PROMETHEUS as PROMETHEUS_IMAGE
from tests.integration.alerts.tools import amtool, promtool
from tests.integration.stack import Json, Stack, until

BASE_IMAGE: Final = "debian:trixie-slim"
"""Stands in for busybox, which a machine without a registry cannot pull: both have `echo`."""
SOCKET: Final = "/var/run/docker.sock"
SCRAPED: Final = {"mail-api": 9464, "mail-exporter": 9154}


def compose(folder: Path, *arguments: str) -> str:
    """Run Docker Compose in a folder and return what it printed."""
    command = ["docker", "compose", "--project-directory", str(folder), *arguments]
    return subprocess.run(  # noqa: S603 - as above
        command, check=True, capture_output=True, text=True, timeout=30, env=project(folder)
    ).stdout


def project(folder: Path) -> dict[str, str]:
    """Return the environment in which Compose names the project after the folder, and leaves the tests' stack alone."""
    return {**os.environ, "COMPOSE_PROJECT_NAME": folder.name}


def test_prometheus_takes_it(installed: Path) -> None:
    """`promtool check config` takes the configuration, and finds our rules through it."""
    printed = promtool(installed / PROMETHEUS.rpartition("/")[0], "check", "config", "prometheus.yml")
    assert "FAILED" not in printed
    assert "mail/relay.yml" in printed


def test_alertmanager_takes_it(installed: Path) -> None:
    """`amtool check-config` takes the configuration."""
    amtool((installed / ALERTMANAGER_FILE).parent, "check-config", "alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        pytest.param("service=mail severity=critical alertname=MailServerDown", "mail", id="a critical one of ours"),
        pytest.param("service=mail alertname=MailWatchdog", "mail-watchdog", id="dead man's switch"),
        pytest.param("service=website severity=critical alertname=SiteDown", "on-call", id="a critical one of theirs"),
    ],
)
def test_alerts_go_their_ways(installed: Path, labels: str, receiver: str) -> None:
    """Ours go by our route, theirs by theirs."""
    folder = (installed / ALERTMANAGER_FILE).parent
    arguments = ("--config.file=alertmanager.yml", f"--verify.receivers={receiver}", *labels.split())
    amtool(folder, "config", "routes", "test", *arguments)


def test_compose_takes_it(installed: Path) -> None:
    """`docker compose config` takes the file; the old mail server is there for a rollback alone."""
    services = compose(installed, "config", "--services").split()
    assert "alertmanager" in services
    assert "mail-server" not in services
    before = compose(installed, "--profile", "replaced-by-dinky-mail", "config", "--services").split()
    assert set(before) - set(services) == {"mail-server", "replaced-mail-server"}


def test_old_mail_server_is_not_started_by_name(installed: Path, tmp_path: Path) -> None:
    """dinky.sh starts `mail-server` by name: that starts a placeholder that ends, though the build folder is gone."""
    folder = tmp_path / f"by-name-{uuid4().hex[:8]}"
    shutil.copytree(installed, folder)
    shutil.rmtree(folder / "services")
    text = (folder / COMPOSE).read_text()
    placeholder = f"{folder.name}-placeholder"
    text = text.replace("image: busybox:1.37", f"image: {BASE_IMAGE}").replace("mail-server-placeholder", placeholder)
    (folder / COMPOSE).write_text(text)
    try:
        subprocess.run(  # noqa: S603 - the fixture's
            [folder / "dinky.sh", "mail-server"], check=True, capture_output=True, timeout=60, env=project(folder)
        )
        shown = compose(folder, "ps", "--all", "--format", "{{.Name}}").split()
        assert shown == [placeholder]
        assert until("its line", lambda: compose(folder, "logs", "--no-log-prefix", "mail-server").strip()) == (
            "Dinky Mail runs mail-server from docker-compose.mail.prod.yml"
        )
    finally:
        compose(folder, "--profile", "replaced-by-dinky-mail", "down")


def test_sender_of_another_project_is_valid(installed: Path) -> None:
    """A project that links to the container `mail-server` needs no change."""
    assert "mail-server" in compose(installed / "apis/contact-api", "config")


@pytest.fixture(scope="module")
def prometheus(stack: Stack, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Return a Prometheus that runs with the folder, flags and socket of the compose file; only it asks each second."""
    folder = tmp_path_factory.mktemp("prometheus")
    for path in (installed / PROMETHEUS).parent.rglob("*.yml"):
        target = folder / path.relative_to((installed / PROMETHEUS).parent)
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text())
    configured = (folder / "prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(configured.replace(": 15s", ": 1s").replace(": 10s", ": 1s"))
    service: Json = yaml.safe_load((installed / COMPOSE).read_text())["services"]["prometheus"]
    container = (
        DockerContainer(PROMETHEUS_IMAGE)
        .with_kwargs(network=stack.network(), user="root")
        .with_command(service["command"])
        .with_volume_mapping(str(folder), "/etc/prometheus", "ro")
        .with_volume_mapping(SOCKET, SOCKET, "ro")
        .with_exposed_ports(9090)
        .waiting_for(HttpWaitStrategy(9090, "/-/ready"))
    )
    assert f"{SOCKET}:{SOCKET}:ro" in service["volumes"]
    with container:
        url = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(9090)}"
        with httpx2.Client(base_url=url, timeout=10) as http:
            yield http


def test_labels_lead_prometheus_to_both_services(stack: Stack, prometheus: httpx2.Client) -> None:
    """Discovery over the engine's socket finds both metric ports by the containers' labels, and they answer.

    The stack's relabelling makes the job of the container's name. In production that is the service's name; here
    Compose puts the project before it and a number behind it.
    """

    def look() -> dict[str, Json] | None:
        targets = prometheus.get("/api/v1/targets", params={"state": "active"}).json()["data"]["activeTargets"]
        found = {one["labels"]["job"]: one for one in targets if one["scrapePool"] == "docker-services"}
        ours = {service: found.get(f"{stack.project}-{service}-1", {}) for service in SCRAPED}
        return ours if all(one.get("health") == "up" for one in ours.values()) else None

    found = until("both targets up", look)
    for service, port in SCRAPED.items():
        name = f"{stack.project}-{service}-1"
        assert found[service]["scrapeUrl"] == f"http://{name}:{port}/metrics"
        assert found[service]["labels"]["instance"] == name


def test_rules_and_flags_are_in_force(prometheus: httpx2.Client) -> None:
    """Prometheus keeps exemplars and accepts no remote write, and has loaded every rule of ours beside theirs."""
    flags = prometheus.get("/api/v1/status/flags").json()["data"]
    assert "exemplar-storage" in flags["enable-feature"]
    assert flags["web.enable-remote-write-receiver"] == "false"
    groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    loaded = {rule["name"] for group in groups for rule in group["rules"]}
    assert {rule.get("alert") or rule["record"] for rule in rules()} | {"SiteDown"} <= loaded


def test_exemplars_are_kept(stack: Stack, prometheus: httpx2.Client, subject: str) -> None:
    """The trace of a request is found beside its number."""
    stack.send(subject)
    query = {"query": '{__name__=~"http_.+_bucket"}', "start": "0", "end": "9999999999"}

    def look() -> bool:
        return bool(prometheus.get("/api/v1/query_exemplars", params=query).json()["data"])

    until("an exemplar", look)
