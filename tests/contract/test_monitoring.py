"""The monitoring profile and Grafana's provisioning agree with the services, the rules and the dashboards."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.board_files import boards
from dashboards.boards import Board
from dashboards.data_sources import LOKI, PROMETHEUS, TEMPO
from dashboards.logql import TRACE
from mail_telemetry.names import Service
from tests.contract.test_compose import MONITORING, load

ROOT = Path(__file__).resolve().parents[2]
PARTS = load(MONITORING)["services"]
Json = dict[str, Any]


def read(path: str) -> Json:
    """Return a YAML file of the project."""
    found: Json = yaml.safe_load((ROOT / path).read_text())
    return found


@pytest.fixture(scope="module")
def sources() -> dict[str, Json]:
    """Return the provisioned data sources by their kind."""
    return {one["type"]: one for one in read("dashboards/provisioning/datasources/mail.yml")["datasources"]}


@pytest.mark.parametrize("name", PARTS)
def test_part_is_pinned_and_limited(name: str) -> None:
    """A part runs only in its profile, and has a pinned version and resource limits."""
    part = PARTS[name]
    assert part["profiles"] == ["monitoring"]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", part["image"])
    assert part["cap_drop"] == ["ALL"]
    socket = ["label=disable"] if "/var/run/docker.sock:/var/run/docker.sock:ro" in part["volumes"] else []
    assert part["security_opt"] == ["no-new-privileges:true", *socket]
    assert part["mem_limit"]


def test_no_part_runs_as_root() -> None:
    """A part runs as its image's user or with its group: root without capabilities cannot write to others' folders."""
    assert [name for name, part in PARTS.items() if part.get("user") in ("0", "0:0", "root")] == []


def test_built_images_have_the_same_versions() -> None:
    """Images that are built without a registry have the same tags."""
    table = (ROOT / "dev/stand-ins/images.txt").read_text()
    assert [name for name in ("prometheus", "alertmanager") if PARTS[name]["image"] not in table] == []


def test_mounted_files_exist() -> None:
    """Every mounted file exists in the project; `make alert-routes` writes that of Alertmanager."""
    mounts = [one for part in PARTS.values() for one in part["volumes"] if isinstance(one, str)]
    files = [one.partition(":")[0] for one in mounts if one.startswith("./")]
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_commands_name_mounted_files() -> None:
    """A configuration file in a command is mounted."""
    for name in ("prometheus", "loki", "tempo", "alloy"):
        targets = [one.split(":")[1] for one in PARTS[name]["volumes"]]
        named = re.findall(r"/etc/[\w./]+", " ".join(PARTS[name]["command"]))
        assert named
        assert set(named) <= set(targets)


@pytest.mark.parametrize("service", [Service.API, Service.EXPORTER])
def test_scrape_targets_are_container_names(service: Service) -> None:
    """Jobs and targets have the names and ports that rules and dashboards use, and equal the container's labels."""
    labels = load("docker-compose.mail.prod.yml")["services"][service]["labels"]
    jobs = {one["job_name"]: one for one in read("dashboards/monitoring/prometheus.yml")["scrape_configs"]}
    assert jobs[service]["static_configs"] == [{"targets": [f"{service.value}:{labels['prometheus.port']}"]}]


def test_exemplars_and_lines_link_to_the_trail(sources: dict[str, Json]) -> None:
    """Links open the trail dashboard: an anonymous viewer may not open Explore, to which a data source link leads."""
    (exemplar,) = sources[PROMETHEUS.plugin]["jsonData"]["exemplarTraceIdDestinations"]
    derived = sources[LOKI.plugin]["jsonData"]["derivedFields"]
    assert exemplar["name"] == TRACE
    trail = {variable["name"] for variable in boards()[Board.TRAIL]["templating"]["list"]}
    for link in (exemplar, *derived):
        assert "datasourceUid" not in link
        assert link["url"] == "/d/mail-trail?var-id=$${__value.raw}&var-trace=$${__value.raw}"
        assert {*re.findall(r"var-(\w+)=", link["url"])} <= trail


def test_trace_id_of_lines(sources: dict[str, Json]) -> None:
    """The trace id is found in a raw line, and in the label that `| json` makes."""
    written, label = sources[LOKI.plugin]["jsonData"]["derivedFields"]
    line = '{"level": "info", "trace_id": "0af7651916cd43dd8448eb211c80319c", "message": "mail accepted"}'
    found = re.search(written["matcherRegex"], line)
    assert found
    assert found[1] == "0af7651916cd43dd8448eb211c80319c"
    assert (label["matcherType"], re.findall(label["matcherRegex"], TRACE)) == ("label", [TRACE])
    assert written["name"] != label["name"]  # Grafana merges fields of the same name


def test_links_of_traces(sources: dict[str, Json]) -> None:
    """The links of a trace to its log lines and metrics lead to existing data sources."""
    trace = sources[TEMPO.plugin]["jsonData"]
    assert trace["tracesToLogsV2"]["datasourceUid"] == sources[LOKI.plugin]["uid"]
    assert trace["tracesToMetrics"]["datasourceUid"] == sources[PROMETHEUS.plugin]["uid"]


def test_data_sources_are_parts(sources: dict[str, Json]) -> None:
    """The host of each data source is a service of the profile."""
    assert {re.sub(r"https?://([^:]+):.*", r"\1", one["url"]) for one in sources.values()} <= set(PARTS)


def test_dashboards_are_mounted() -> None:
    """The dashboards are mounted in the provider's folder."""
    (provider,) = read("dashboards/provisioning/dashboards/mail.yml")["providers"]
    assert f"./dashboards/json:{provider['options']['path']}:ro,z" in PARTS["grafana"]["volumes"]


@pytest.mark.parametrize("container", ["mail-server", "mail-api", "mail-exporter"])
def test_label_container(container: str) -> None:
    """Alloy sets `container` to the service's name without Compose's prefix, and drops other containers."""
    text = (ROOT / "dashboards/monitoring/config.alloy").read_text()
    (pattern,) = set(re.findall(r'regex\s+= "(.*)"', text))
    for name in (f"/{container}", f"/dinky-mail-test-{container}-1"):
        found = re.fullmatch(pattern, name)
        assert found
        assert found[1] == container
    assert not re.fullmatch(pattern, "/grafana")
    assert all(f'target_label  = "{label}"' in text for label in ("container", "stream"))


def test_old_lines_are_dropped() -> None:
    """Alloy drops entries before Loki would reject the whole batch."""
    text = (ROOT / "dashboards/monitoring/config.alloy").read_text()
    (dropped,) = re.findall(r'older_than +=\s"(\d+)h"', text)
    rejected = read("dashboards/monitoring/loki.yml")["limits_config"]["reject_old_samples_max_age"]
    assert 0 < int(rejected.removesuffix("h")) - int(dropped) <= 24
    assert "forward_to = [loki.process.recent.receiver]" in text
