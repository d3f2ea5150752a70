"""An installed folder checked by Compose, Prometheus and Alertmanager."""

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
"""Used instead of busybox, which cannot be pulled without a registry: both have `echo`."""
SOCKET: Final = "/var/run/docker.sock"
SCRAPED: Final = {"mail-api": 9464, "mail-exporter": 9154}


def compose(folder: Path, *arguments: str) -> str:
    """Run Docker Compose in a folder and return its output."""
    command = ["docker", "compose", "--project-directory", str(folder), *arguments]
    return subprocess.run(  # noqa: S603 - as above
        command, check=True, capture_output=True, text=True, timeout=30, env=project(folder)
    ).stdout


def project(folder: Path) -> dict[str, str]:
    """Return an environment in which Compose names the project after the folder, separate from the tests' stack."""
    return {**os.environ, "COMPOSE_PROJECT_NAME": folder.name}


def test_prometheus_configuration_is_valid(installed: Path) -> None:
    """`promtool check config` accepts the configuration, and finds our rules."""
    printed = promtool(installed / PROMETHEUS.rpartition("/")[0], "check", "config", "prometheus.yml")
    assert "FAILED" not in printed
    assert "mail/relay.yml" in printed


def test_alertmanager_configuration_is_valid(installed: Path) -> None:
    """`amtool check-config` accepts the configuration."""
    amtool((installed / ALERTMANAGER_FILE).parent, "check-config", "alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        pytest.param("service=mail severity=critical alertname=MailServerDown", "mail", id="critical, mail"),
        pytest.param("service=mail alertname=MailWatchdog", "mail-watchdog", id="dead man's switch"),
        pytest.param("service=website severity=critical alertname=SiteDown", "on-call", id="critical, other service"),
    ],
)
def test_alert_routes(installed: Path, labels: str, receiver: str) -> None:
    """Alerts about mail use our route, others that of the server."""
    folder = (installed / ALERTMANAGER_FILE).parent
    arguments = ("--config.file=alertmanager.yml", f"--verify.receivers={receiver}", *labels.split())
    amtool(folder, "config", "routes", "test", *arguments)


def test_compose_file_is_valid(installed: Path) -> None:
    """`docker compose config` accepts the file; the old mail server is in a profile for a rollback."""
    services = compose(installed, "config", "--services").split()
    assert "alertmanager" in services
    assert "mail-server" not in services
    before = compose(installed, "--profile", "replaced-by-dinky-mail", "config", "--services").split()
    assert set(before) - set(services) == {"mail-server", "replaced-mail-server"}


def test_old_mail_server_is_not_started_by_name(installed: Path, tmp_path: Path) -> None:
    """When dinky.sh starts `mail-server` by name, a placeholder starts and exits, even without the build folder."""
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
    """Return a Prometheus with the folder, flags and socket of the compose file, and a scrape interval of a second."""
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


def test_service_discovery(stack: Stack, prometheus: httpx2.Client) -> None:
    """Service discovery by the containers' labels finds both metric ports, and they can be scraped.

    The stack's relabelling sets the job to the container's name. In production that is the service's name; here
    Compose adds the project before it and a number after it.
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
    """Prometheus stores exemplars, accepts no remote write, and has loaded all of our rules beside the server's."""
    flags = prometheus.get("/api/v1/status/flags").json()["data"]
    assert "exemplar-storage" in flags["enable-feature"]
    assert flags["web.enable-remote-write-receiver"] == "false"
    groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    loaded = {rule["name"] for group in groups for rule in group["rules"]}
    assert {rule.get("alert") or rule["record"] for rule in rules()} | {"SiteDown"} <= loaded


def test_exemplars_are_kept(stack: Stack, prometheus: httpx2.Client, subject: str) -> None:
    """The trace of a request is stored as an exemplar."""
    stack.send(subject)
    query = {"query": '{__name__=~"http_.+_bucket"}', "start": "0", "end": "9999999999"}

    def look() -> bool:
        return bool(prometheus.get("/api/v1/query_exemplars", params=query).json()["data"])

    until("an exemplar", look)
