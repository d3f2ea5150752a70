"""`make dinky` installs all rules, dashboards, names, ports, flags and links of the project."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from dinky import rules_and_dashboards
from dinky.changes.compose import OURS
from dinky.changes.grafana import LINKS
from dinky.changes.prometheus import PATTERN, TARGETS
from dinky.server_folder import CHANGED_FILES, CHECKED_FILES, DASHBOARDS, RULES
from tests.contract.test_compose import MONITORING, load
from tests.contract.test_monitoring import read

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "tests/fixtures/dinky-server"
Json = dict[str, Any]


def test_every_rule_and_dashboard() -> None:
    """Each generated file is copied under its name to the folder that Prometheus or Grafana reads."""
    rules = {f"{RULES}/{path.name}" for path in (ROOT / "alerts/rules").iterdir()}
    boards = {f"{DASHBOARDS}/{path.name}" for path in (ROOT / "dashboards/json").iterdir()}
    assert set(rules_and_dashboards.files()) == rules | boards
    pattern = PATTERN.partition("/")[0]
    assert f"monitoring/prometheus/{pattern}" == RULES


def test_every_container() -> None:
    """Each container that `up` starts is replaced, and those with labels are scrape targets."""
    services: Json = load("docker-compose.mail.prod.yml")["services"]
    assert {one["container_name"] for one in services.values() if "profiles" not in one} == OURS
    labels = {name: one["labels"] for name, one in services.items() if "labels" in one}
    assert {labels[name]["prometheus.job"]: f"{name}:{labels[name]['prometheus.port']}" for name in labels} == TARGETS


def test_every_link() -> None:
    """Each link of the monitoring profile's data sources is added to the server's data sources."""
    sources = read("dashboards/provisioning/datasources/mail.yml")["datasources"]
    ways = {
        (one["type"], key)
        for one in sources
        for key, value in one["jsonData"].items()
        if re.search(r"datasourceUid|/d/mail-", json.dumps(value))
    }
    assert {(kind, key) for kind, key, _ in LINKS} == ways


def test_every_feature_of_prometheus() -> None:
    """The installation enables the features that the monitoring profile enables."""
    command = load(MONITORING)["services"]["prometheus"]["command"]
    features = [flag for flag in command if flag.startswith("--enable-")]
    assert features == ["--enable-feature=exemplar-storage"]
    assert features[0] in (ROOT / "dinky/changes/compose.py").read_text()


def test_stack_has_the_files() -> None:
    """The tests' copy of the stack has all files that the installer reads, and nothing of Dinky Mail."""
    assert [path for path in (*CHANGED_FILES, *CHECKED_FILES) if not (STACK / path).is_file()] == []
    text = "".join(path.read_text() for path in STACK.rglob("*.yml"))
    assert "dinky-mail" not in text


def test_ports_are_taken_over() -> None:
    """Dinky Mail has the ports of the mail server that it replaces, on the host and in the network."""
    ours = load("docker-compose.mail.prod.yml")["services"]["mail-server"]
    theirs = yaml.safe_load((STACK / "docker-compose.yml").read_text())["services"]["mail-server"]
    assert [one.partition(":")[0] for one in ours["ports"]] == [one.partition(":")[0] for one in theirs["ports"]]
    assert "traefik_network" in ours["networks"]
    assert ours["container_name"] == theirs["container_name"]


def test_page_names_every_command() -> None:
    """docs/dinky-server.md names all make targets and commands, and no others."""
    page = (ROOT / "docs/dinky-server.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^(dinky[a-z-]*):", makefile, re.MULTILINE))
    assert set(re.findall(r"make (dinky[a-z-]*)", page)) == targets
    commands = set(re.findall(r"""add\(\s*"([a-z-]+)",""", (ROOT / "dinky/__main__.py").read_text()))
    assert set(re.findall(r"-m dinky ([a-z-]+)", page)) <= commands
