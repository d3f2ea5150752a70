"""What the compose files promise: fixed names, least privilege, nothing of the sandbox on the network."""

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
    """A list that takes the place of the one in the file below, instead of adding to it."""


class Loader(yaml.SafeLoader):
    """Reads Compose's merge tags too."""


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
    """Each service has its fixed name, restarts, and holds no privilege that it does not need."""
    settings = load("docker-compose.mail.prod.yml")["services"][service]
    assert settings["container_name"] == service
    assert settings["restart"] == "unless-stopped"
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["mem_limit"]
    assert settings["pids_limit"]


def test_check_is_given_everything_and_changes_nothing() -> None:
    """The check's container has every variable, network and secret of the services, and mounts for reading alone."""
    services = load("docker-compose.mail.prod.yml")["services"]
    check = services["mail-check"]
    given = {
        name for service in ("mail-server", "mail-api", "mail-exporter") for name in services[service]["environment"]
    }
    assert given - set(check["environment"]) == set()
    assert check["environment"]["MAIL_HOSTNAME"] == services["mail-exporter"]["environment"]["MAIL_HOSTNAME"]
    assert set(services["mail-server"]["networks"]) == set(check["networks"])
    mounts = check["volumes"]
    assert [one for one in mounts if not (one.get("read_only") if isinstance(one, dict) else one.endswith(":ro"))] == []
    assert check["read_only"] is True
    assert check["profiles"] == ["check"]


@pytest.mark.parametrize("port", HOST_PORTS, ids=lambda port: str(port.host_port))
def test_host_ports_of_the_check(port: HostPort) -> None:
    """The ports that the check looks for are those that production publishes."""
    published = load("docker-compose.mail.prod.yml")["services"][port.service]["ports"]
    host = "" if port.public else "127.0.0.1:"
    assert f"{host}{port.host_port}:{port.port}" in published


@pytest.mark.parametrize("service", ["mail-api", "mail-exporter"])
def test_prometheus_labels(service: str) -> None:
    """Dinky's Prometheus finds both metric ports by labels, under the job that dashboards ask for."""
    labels = load("docker-compose.mail.prod.yml")["services"][service]["labels"]
    assert labels["prometheus.scrape"] == "true"
    assert labels["prometheus.job"] == service
    assert labels["prometheus.path"] == "/metrics"


def test_queue_is_not_on_the_shared_network() -> None:
    """The name under which the queue is offered resolves on the internal network alone."""
    prod = load("docker-compose.mail.prod.yml")
    networks = prod["services"]["mail-server"]["networks"]
    assert networks["mail_internal"]["aliases"] == ["mail-queue"]
    assert networks["traefik_network"] is None
    assert prod["networks"]["mail_internal"]["internal"] is True


def test_sandbox_does_not_restart() -> None:
    """What ends under the sandbox stays ended: a start that fails is not hidden by the next one."""
    production, overlay = (load(f"docker-compose.{name}.yml")["services"] for name in ("mail.prod", "sandbox"))
    lasting = [name for name, service in production.items() if service.get("restart") != "no"]
    assert {name: overlay[name].get("restart") for name in lasting} == dict.fromkeys(lasting, "no")
    assert len(lasting) > 2


@pytest.mark.parametrize("overlay", [*OVERLAYS, SCALE, GRAFANA, MONITORING])
def test_sandbox_is_on_loopback(overlay: str) -> None:
    """Everything that trying out and tests publish is reachable from this machine alone."""
    services = load(overlay)["services"]
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_production_port_is_replaced() -> None:
    """No service of production keeps its public ports under the sandbox: the list is overridden, not added to."""
    prod = {name for name, one in load("docker-compose.mail.prod.yml")["services"].items() if "ports" in one}
    assert prod
    for overlay in OVERLAYS:
        services = load(overlay)["services"]
        assert [name for name in prod if not isinstance(services[name].get("ports"), Override)] == []


def test_development_runs_this_source() -> None:
    """What `make dev` mounts is there, is read only, and publishes nothing beside the sandbox's ports."""
    for service in load("docker-compose.dev.yml")["services"].values():
        sources = [mounted.removesuffix(":ro").partition(":")[0] for mounted in service["volumes"]]
        assert [mounted for mounted in service["volumes"] if not mounted.endswith(":ro")] == []
        assert [source for source in sources if not (ROOT / source).exists()] == []
        assert "ports" not in service
