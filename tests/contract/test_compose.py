"""Compose files: fixed names, least privilege, and no public port of the sandbox."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mail_check.checks.services import HOST_PORTS, HostPort

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("docker-compose.sandbox.yml", "tests/integration/docker-compose.test.yml")
MONITORING = "docker-compose.monitoring.yml"
SCALE = "tests/integration/docker-compose.scale.yml"
GRAFANA = "tests/integration/docker-compose.grafana.yml"


class Override(list[Any]):
    """A list tagged `!override`, which replaces that of the file below instead of extending it."""


class Loader(yaml.SafeLoader):
    """A YAML loader that also reads Compose's merge tags."""


def _override(loader: Loader, node: yaml.Node) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(node, yaml.SequenceNode):
        return Override(loader.construct_sequence(node, deep=True))
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


for _tag in ("!override", "!reset"):
    Loader.add_constructor(_tag, _override)


def load(name: str) -> dict[str, Any]:
    """Return a compose file."""
    loaded: dict[str, Any] = yaml.load((ROOT / name).read_text(), Loader)  # noqa: S506 - a SafeLoader
    return loaded


@pytest.mark.parametrize("service", ["mail-server", "mail-api", "mail-exporter"])
def test_production_services(service: str) -> None:
    """Each service has its fixed name, restarts, and has no privilege that it does not need."""
    settings = load("docker-compose.mail.prod.yml")["services"][service]
    assert settings["container_name"] == service
    assert settings["restart"] == "unless-stopped"
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["mem_limit"]
    assert settings["pids_limit"]


def test_check_has_all_variables_and_read_only_mounts() -> None:
    """The check's container has every variable and network of the services, and read-only mounts."""
    services = load("docker-compose.mail.prod.yml")["services"]
    check = services["mail-check"]
    given = {
        name for service in ("mail-server", "mail-api", "mail-exporter") for name in services[service]["environment"]
    }
    assert given - set(check["environment"]) == set()
    assert check["environment"]["MAIL_HOSTNAME"] == services["mail-exporter"]["environment"]["MAIL_HOSTNAME"]
    assert set(services["mail-server"]["networks"]) == set(check["networks"])
    assert [one for one in check["volumes"] if not one.endswith((":ro", ":ro,z"))] == []
    assert check["read_only"] is True
    assert check["profiles"] == ["check"]


@pytest.mark.parametrize("name", ["docker-compose.mail.prod.yml", MONITORING, "docker-compose.dev.yml"])
def test_mounted_folders_are_labelled_for_selinux(name: str) -> None:
    """Every mounted path of the host has `z`, except Docker's socket, whose service runs without a label."""
    services = load(name)["services"]
    mounts = [(service, mount) for service in services for mount in services[service].get("volumes", ())]
    paths = [(service, mount) for service, mount in mounts if mount.startswith((".", "/", "$"))]
    assert paths
    unlabelled = {service for service, mount in paths if not mount.endswith(",z")}
    assert [one for one in unlabelled if "label=disable" not in services[one].get("security_opt", ())] == []


@pytest.mark.parametrize("port", HOST_PORTS, ids=lambda port: str(port.host_port))
def test_host_ports_of_the_check(port: HostPort) -> None:
    """The check looks for the ports that production publishes."""
    published = load("docker-compose.mail.prod.yml")["services"][port.service]["ports"]
    host = "" if port.public else "127.0.0.1:"
    assert f"{host}{port.host_port}:{port.port}" in published


@pytest.mark.parametrize("service", ["mail-api", "mail-exporter"])
def test_prometheus_labels(service: str) -> None:
    """Dinky's Prometheus finds both metric ports by labels, with the job that the dashboards select."""
    labels = load("docker-compose.mail.prod.yml")["services"][service]["labels"]
    assert labels["prometheus.scrape"] == "true"
    assert labels["prometheus.job"] == service
    assert labels["prometheus.path"] == "/metrics"


def test_queue_is_not_on_the_shared_network() -> None:
    """The alias of the mail queue exists on the internal network only."""
    prod = load("docker-compose.mail.prod.yml")
    networks = prod["services"]["mail-server"]["networks"]
    assert networks["mail_internal"]["aliases"] == ["mail-queue"]
    assert networks["traefik_network"] is None
    assert prod["networks"]["mail_internal"]["internal"] is True


def test_sandbox_does_not_restart() -> None:
    """Services of the sandbox do not restart, so that a failed start is visible."""
    production, overlay = (load(f"docker-compose.{name}.yml")["services"] for name in ("mail.prod", "sandbox"))
    lasting = [name for name, service in production.items() if service.get("restart") != "no"]
    assert {name: overlay[name].get("restart") for name in lasting} == dict.fromkeys(lasting, "no")
    assert len(lasting) > 2


@pytest.mark.parametrize("overlay", [*OVERLAYS, SCALE, GRAFANA, MONITORING])
def test_sandbox_is_on_loopback(overlay: str) -> None:
    """All ports of the sandbox and of the tests are published on loopback only."""
    services = load(overlay)["services"]
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_production_port_is_replaced() -> None:
    """The sandbox overrides the public ports of every production service, instead of adding to them."""
    prod = {name for name, one in load("docker-compose.mail.prod.yml")["services"].items() if "ports" in one}
    assert prod
    for overlay in OVERLAYS:
        services = load(overlay)["services"]
        assert [name for name in prod if not isinstance(services[name].get("ports"), Override)] == []


def test_development_runs_this_source() -> None:
    """The sources that `make dev` mounts exist and are read-only."""
    for service in load("docker-compose.dev.yml")["services"].values():
        sources = [mounted.removesuffix(":ro,z").partition(":")[0] for mounted in service["volumes"]]
        assert [mounted for mounted in service["volumes"] if not mounted.endswith(":ro,z")] == []
        assert [source for source in sources if not (ROOT / source).exists()] == []
        assert "ports" not in service
