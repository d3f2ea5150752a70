"""Edits of stack files with other YAML styles than in the original stack."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from dinky.changes import all_changes
from dinky.changes.change import Routes
from dinky.server_folder import ALERTMANAGER, COMPOSE, DATASOURCES, PROMETHEUS, PROMTAIL
from dinky.settings import secrets
from dinky.yaml_edit import CannotEditError

ROUTES = Routes(
    {"receiver": "mail", "matchers": ['service="mail"']},
    [{"name": "mail", "webhook_configs": [{"url_file": "/run/secrets/hook"}]}, {"name": "mail-watchdog"}],
    [{"source_matchers": ['alertname="MailServerDown"'], "target_matchers": ['service="mail"']}],
)
NOTHING = "services: {}\n"


def edited(texts: Mapping[str, str], path: str, routes: Routes | None = ROUTES) -> str:
    """Return a file with all its changes made, and check that each recognizes it."""
    files = {COMPOSE: NOTHING, **texts}
    changes = [change for change in all_changes(files, routes, "./services/secrets") if change.path == path]
    text = files[path]
    for change in changes:
        text = change.edit(text)
    assert [change.what for change in changes if not change.is_made(text)] == []
    yaml.safe_load(text)
    return text


def compose(services: str, **others: str) -> str:
    """Return a compose file with these services and all its changes."""
    return edited({COMPOSE: f"services:\n{services}", **others}, COMPOSE)


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        pytest.param(
            "  mta:\n    container_name: mail-server\n  a:\n    depends_on:\n      mta: {condition: service_started}\n"
            "      b: {condition: service_started}\n    image: x\n",
            "  a:\n    depends_on:\n      b: {condition: service_started}\n    image: x\n",
            id="conditions, and a service of another name",
        ),
        pytest.param(
            "  mail-server:\n    image: x\n  a:\n    links: [mail-server, b]\n",
            "  a:\n    links: [b]\n",
            id="links in brackets",
        ),
        pytest.param(
            "  mail-server:\n    image: x\n  mail-api:\n    image: y\n    depends_on: [mail-server]\n",
            "    image: y\n    depends_on: [mail-server]\n",
            id="a replaced service may wait for it",
        ),
    ],
)
def test_replaced_services(services: str, expected: str) -> None:
    """A service with one of our container names is not started, and no other service waits for it."""
    text = compose(services)
    assert text.endswith(expected)
    loaded = yaml.safe_load(text)["services"]
    before = yaml.safe_load(f"services:\n{services}")["services"]
    replaced = [name for name in before if name in {"mta", "mail-server", "mail-api"}]
    with_profile = [name for name, one in loaded.items() if "profiles" in one]
    assert with_profile == [new for name in replaced for new in (name, f"replaced-{name}")]
    assert [loaded[f"replaced-{name}"]["image"] for name in replaced if "image" in before[name]] == [
        before[name]["image"] for name in replaced if "image" in before[name]
    ]
    assert {loaded[name]["image"] for name in replaced} == {"busybox:1.37"}


@pytest.mark.parametrize(
    "services",
    [
        pytest.param("  mail-before:\n    container_name: mail-server\n    profiles: [old]\n", id="disabled by hand"),
        pytest.param("  mail-server:\n    image: dinky-mail/mail-server:latest\n", id="our own image"),
        pytest.param("  mail-server:\n    container_name: other\n    image: x\n", id="other container name"),
    ],
)
def test_nothing_to_replace(services: str) -> None:
    """A service that does not use our names stays as it is."""
    assert compose(services) == f"services:\n{services}"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param("[--a]", "[--a, --enable-feature=exemplar-storage]", id="brackets"),
        pytest.param("--a --b", "--a --b --enable-feature=exemplar-storage", id="one line"),
        pytest.param(
            "[--enable-feature=x]", "[--enable-feature=x, --enable-feature=exemplar-storage]", id="with another feature"
        ),
        pytest.param("['--enable-feature=x,exemplar-storage']", None, id="already there"),
    ],
)
def test_flag(command: str, expected: str | None) -> None:
    """Exemplars are switched on once, however the flags are written."""
    text = compose(f"  p:\n    image: prom/prometheus:v3\n    volumes: [.:/etc/prometheus]\n    command: {command}\n")
    assert text.endswith(f"command: {expected or command}\n")


def test_no_flags_at_all() -> None:
    """Without a `command` the flag is left to the operator, since a new `command` would replace that of the image."""
    with pytest.raises(CannotEditError, match="the service p has no list of flags"):
        compose("  p:\n    image: localhost:5000/prom/prometheus@sha256:0\n")


def test_socket() -> None:
    """Services that discover containers get Docker's socket, in both forms of mounts; others do not."""
    discovers = "scrape_configs:\n  - docker_sd_configs: [{host: unix:///var/run/docker.sock}]\n"
    mounted = "- {type: bind, source: /run/docker.sock, target: /var/run/docker.sock}"
    services = (
        "  promtail:\n    image: grafana/promtail:3.5\n    volumes:\n      - ./a:/etc/promtail\n"
        f"  prometheus:\n    image: prom/prometheus:v3\n    command: [--enable-feature=exemplar-storage]\n"
        f"    volumes:\n      {mounted}\n      - ./b:/etc/prometheus\n"
    )
    added = "      - /var/run/docker.sock:/var/run/docker.sock:ro\n"
    text = compose(services, **{PROMTAIL: discovers, PROMETHEUS: discovers})
    assert text == f"services:\n{services}".replace("  prometheus:", f"{added}  prometheus:", 1)
    assert added not in compose(services, **{PROMTAIL: "scrape_configs: []\n"})


def test_rules_are_mounted() -> None:
    """A Prometheus that mounts only its configuration file gets a mount of our rules."""
    service = "  p:\n    image: prom/prometheus:v3\n    command: [--enable-feature=exemplar-storage]\n"
    text = compose(f"{service}    volumes: [./p.yml:/etc/prometheus/prometheus.yml]\n")
    assert text.endswith(", ./monitoring/prometheus/mail:/etc/prometheus/mail:ro]\n")


def test_secrets_of_the_routes() -> None:
    """Alertmanager gets our folder of secrets where a route names a file in it."""
    text = compose("  a:\n    image: prom/alertmanager:v0.28.1\n    volumes:\n      - x:/alertmanager\n")
    assert text.endswith("      - ./services/secrets:/run/secrets:ro\n")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param("/srv/dinky-server/services/secrets", "./services/secrets", id="cloned as services/"),
        pytest.param("/srv/mail/secrets", "/srv/mail/secrets", id="other folder"),
    ],
)
def test_place_of_secrets(place: str, expected: str) -> None:
    """The folder is relative to the server's own where it is below that."""
    assert secrets(Path(place), Path("/srv/dinky-server")) == expected


@pytest.mark.parametrize(
    ("text", "added"),
    [
        pytest.param("scrape_configs: []\n", 2, id="no discovery"),
        pytest.param(
            "scrape_configs:\n  - static_configs: [{targets: ['mail-api:9464']}]\n", 1, id="one scraped already"
        ),
        pytest.param(
            "scrape_configs:\n- docker_sd_configs: []\n  relabel_configs:\n  - action: keep\n"
            "    source_labels: [__meta_docker_container_label_prometheus_scrape]\n",
            0,
            id="by labels",
        ),
        pytest.param("scrape_configs:\n- docker_sd_configs: []\n", 2, id="by something else"),
    ],
)
def test_scrape(text: str, added: int) -> None:
    """Both services are scraped: by their labels, or each by a job of its own."""
    if text == "scrape_configs: []\n":
        with pytest.raises(CannotEditError, match="in brackets"):
            edited({PROMETHEUS: text}, PROMETHEUS)
        return
    result = yaml.safe_load(edited({PROMETHEUS: text}, PROMETHEUS))
    assert len(result["scrape_configs"]) == 1 + added
    assert result["rule_files"] == ["mail/*.yml"]


@pytest.mark.parametrize(
    "files",
    [pytest.param('["a.yml"]', id="brackets"), pytest.param("\n- a.yml", id="lines"), pytest.param("[]", id="none")],
)
def test_rule_files(files: str) -> None:
    """Our pattern is added after the others."""
    text = edited({PROMETHEUS: f"rule_files: {files}\nscrape_configs:\n- job_name: a\n"}, PROMETHEUS)
    assert yaml.safe_load(text)["rule_files"][-1] == "mail/*.yml"


def test_alertmanager_without_routes() -> None:
    """A configuration with one receiver and nothing else gets all parts."""
    text = edited({ALERTMANAGER: "route:\n  receiver: all\nreceivers:\n- name: all\n"}, ALERTMANAGER)
    loaded = yaml.safe_load(text)
    assert loaded["route"] == {"receiver": "all", "routes": [ROUTES.route]}
    assert loaded["receivers"] == [{"name": "all"}, *ROUTES.receivers]
    assert loaded["inhibit_rules"] == ROUTES.inhibitions


def test_route_by_hand() -> None:
    """With a route to a receiver `mail`, no ALERT_ variable is needed."""
    text = "route:\n  routes:\n  - receiver: mail\n"
    assert edited({ALERTMANAGER: text}, ALERTMANAGER, routes=None) == text


def test_sources_with_names_of_their_own() -> None:
    """A link uses a written uid, is added to other links, and does not replace an existing one."""
    text = (
        "datasources:\n"
        "- name: P\n  type: prometheus\n  uid: numbers\n"
        "  jsonData:\n    exemplarTraceIdDestinations:\n    - name: traceID\n"
        "- name: T\n  type: tempo\n  jsonData:\n    tracesToLogsV2: {datasourceUid: mine}\n"
    )
    prometheus, tempo = yaml.safe_load(edited({DATASOURCES: text}, DATASOURCES))["datasources"]
    assert prometheus["jsonData"]["exemplarTraceIdDestinations"] == [
        {"name": "traceID"},
        {
            "name": "trace_id",
            "url": "/d/mail-trail?var-id=$${__value.raw}&var-trace=$${__value.raw}",
            "urlDisplayLabel": "Message trail",
        },
    ]
    assert tempo["jsonData"]["tracesToLogsV2"] == {"datasourceUid": "mine"}
    assert tempo["jsonData"]["tracesToMetrics"]["datasourceUid"] == "numbers"


def test_link_without_target() -> None:
    """Without a Loki and a Prometheus there is nothing that a trace could lead to."""
    text = "datasources:\n- name: T\n  type: tempo\n"
    assert edited({DATASOURCES: text}, DATASOURCES) == text
