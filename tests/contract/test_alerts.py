"""Alert rules, their tests and runbooks agree with each other and with the services' metrics."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from alerts.annotations import read_links
from alerts.catalogue import every_alert
from alerts.model import Alert
from alerts.render import rule_files
from alerts.request_results import DECISIONS, results_of
from alerts.rule_times import KEEP_FIRING_FOR
from mail_api.error_codes import RESULTS
from tests.contract.promql import grouped_by, selectors
from tests.contract.series import ALERTS, known_labels, rules
from tests.integration.alerts.faults import FAULTS, QUOTA_FAULTS

HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def queries_in(template: str) -> Iterator[str]:
    """Yield the queries of an annotation's template."""
    for text in re.findall(r'(?:query|with printf) "((?:[^"\\]|\\.)*)"', template):
        yield text.replace('\\"', '"').replace("%q", '"x"')


def expressions() -> Iterator[Any]:
    """Yield every PromQL expression of rules, annotations and runbooks, as a test parameter."""
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        yield pytest.param(rule["expr"], id=name)
        for template in rule.get("annotations", {}).values():
            for number, query in enumerate(queries_in(template)):
                yield pytest.param(query, id=f"{name} text {number}")
    for path in sorted((ALERTS / "runbooks").glob("*.md")):
        for number, query in enumerate(re.findall(r"```promql\n(.*?)```", path.read_text(), re.DOTALL)):
            yield pytest.param(query, id=f"{path.stem} runbook {number}")


def test_rules_are_up_to_date() -> None:
    """The committed rule files are those that `make alerts` writes."""
    assert rule_files(read_links()) == {path.name: path.read_text() for path in (ALERTS / "rules").glob("*")}


@pytest.mark.parametrize("expression", [*expressions()])
def test_expression_uses_existing_series(expression: str) -> None:
    """Every metric is registered or recorded, has the labels that are used, and is selected by its job."""
    known = known_labels()
    read = list(selectors(expression))
    labels = {label for selector in read for label in known.get(selector.metric, set())}
    assert [selector.metric for selector in read if selector.metric not in known] == []
    for selector in read:
        assert {name for name, _, _ in selector.matchers} - known[selector.metric] == set()
        if ":" not in selector.metric and selector.metric != "ALERTS":
            jobs = {(operator, value) for name, operator, value in selector.matchers if name == "job"}
            assert jobs in ({("=", "mail-api")}, {("=", "mail-exporter")}), selector
            assert ("mail-api",) == tuple(value for _, value in jobs) or not selector.metric.startswith("mail_api")
    assert grouped_by(expression) - labels - {"entry"} == set()


@pytest.mark.parametrize("alert", every_alert(), ids=lambda alert: alert.name)
def test_alert_is_complete(alert: Alert) -> None:
    """A rule has labels for routing, a description with cause and next step, a runbook and a dashboard."""
    (rule,) = (rule for rule in rules() if rule.get("alert") == alert.name)
    assert rule["labels"] == {"service": "mail", "component": rule["labels"]["component"], "severity": alert.severity}
    said = rule["annotations"]
    assert sorted(said) == ["dashboard_url", "description", "runbook_url", "summary"]
    assert "Likely cause: " in said["description"]
    assert "Next step: " in said["description"]
    assert said["runbook_url"].endswith(f"/runbooks/{alert.name}.md")
    assert re.fullmatch(r"Mail[A-Z][A-Za-z]+", alert.name)


def test_every_alert_has_a_runbook() -> None:
    """Every alert has a runbook, and every runbook an alert."""
    assert {path.stem for path in (ALERTS / "runbooks").glob("*.md")} == {alert.name for alert in every_alert()}


@pytest.mark.parametrize("alert", every_alert(), ids=lambda alert: alert.name)
def test_runbook_has_its_parts(alert: Alert) -> None:
    """A runbook has a title, Meaning, Impact, Diagnosis and Mitigation, in this order, and none is empty."""
    text = (ALERTS / f"runbooks/{alert.name}.md").read_text()
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    assert parts[0] == f"# {alert.name}\n\n"
    assert [part.partition("\n")[0] for part in parts[1:]] == HEADINGS
    assert all(part.partition("\n")[2].strip() for part in parts[1:])


@pytest.mark.parametrize("alert", every_alert(), ids=lambda alert: alert.name)
def test_alert_is_tested(alert: Alert) -> None:
    """A promtool test has each alert inactive, then firing, then inactive again; the dead man's switch only firing."""
    histories = [
        "".join("F" if f'"{alert.name}"' in str(look["exp_samples"]) else "q" for look in test["promql_expr_test"])
        for path in (ALERTS / "tests").glob("*.yml")
        for test in yaml.safe_load(path.read_text())["tests"]
    ]
    wanted = "F" if alert.severity == "none" else "qF+q"
    assert any(re.search(wanted, history) for history in histories), histories


def test_promtool_tests_have_the_labels_of_the_stack() -> None:
    """Series in promtool's tests have the labels job and instance that Dinky Server's service discovery sets."""
    texts = [path.read_text() for path in (ALERTS / "tests").glob("*.yml")]
    targets = {found for text in texts for found in re.findall(r'job="([^"]*)",instance="([^"]*)"', text)}
    series = [line for text in texts for line in text.splitlines() if line.strip().startswith("- series:")]
    assert [line for line in series if 'job="' not in line or 'instance="' not in line] == []
    assert targets == {
        ("mail-api", "mail-api:9464"),
        ("mail-api", "mail-api-2:9464"),
        ("mail-exporter", "mail-exporter:9154"),
    }


def test_readme_lists_the_faults_of_the_drill() -> None:
    """alerts/README.md has a row for each fault, with the alert that it raises."""
    rows = re.findall(r"^\| ([a-z ]+) \| (Mail\w+) \|$", (ALERTS / "README.md").read_text(), re.MULTILINE)
    assert rows == [(fault.name, fault.alert) for fault in (*FAULTS, *QUOTA_FAULTS)]


def test_every_rule_file_has_its_test_file() -> None:
    """Each file of alert rules has one file of promtool tests."""
    tests = {path.name for path in (ALERTS / "tests").glob("*.yml")}
    assert tests == {path.name for path in (ALERTS / "rules").glob("*.yml")} - {
        "recording.yml",
        "causes.yml",
        "verdicts.yml",
    }


def test_every_result_is_decided() -> None:
    """Each result of a request to send has a decision, and the alert in the decision selects exactly its results."""
    assert set(RESULTS) == set(DECISIONS)
    for name in {decision.alert for decision in DECISIONS.values() if decision.alert}:
        (alert,) = (one for one in every_alert() if one.name == name)
        read = [
            value
            for selector in selectors(alert.expr)
            for label, operator, value in selector.matchers
            if (selector.metric, label, operator) == ("mail_api_messages_total", "result", "=~")
        ]
        assert {results_of(name)} == set(read)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        pytest.param("MailQuotaNoRoom", True, id="gauge"),
        pytest.param("MailRelayUnreachable", True, id="recorded from a gauge"),
        pytest.param("MailDeliveryObjectiveMissed", True, id="recorded from recorded"),
        pytest.param("MailServerFatal", False, id="counter"),
        pytest.param("MailExporterDown", False, id="up"),
        pytest.param("MailApiFailing", False, id="API"),
    ],
)
def test_gauges_of_the_exporter_are_held(name: str, held: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Alerts on gauges of the exporter keep firing until MailExporterDown fires."""
    (rule,) = (rule for rule in rules() if rule.get("alert") == name)
    assert rule.get("keep_firing_for") == (KEEP_FIRING_FOR if held else None)


def test_silencing_names_alerts() -> None:
    """An alert is silenced by other alerts only, and never in a circle."""
    by_name = {alert.name: alert for alert in every_alert()}
    for alert in by_name.values():
        for name in alert.silenced_by + alert.silenced_by_same:
            assert alert.name not in (name, *by_name[name].silenced_by, *by_name[name].silenced_by_same)
