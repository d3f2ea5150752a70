"""The fire drill: real faults and their notifications; about 90 seconds for all of them."""

import re

import pytest

from tests.contract.promql import selectors
from tests.contract.series import ALERTS, registered_labels, rules
from tests.integration.alerts.drill import await_alert, drill, notifications, with_connections
from tests.integration.alerts.faults import FAULTS, Fault
from tests.integration.alerts.monitoring import Monitoring
from tests.integration.stack import API_METRICS, EXPORTER, RECIPIENT, SANDBOX, Json, Stack, until

MAIL_SERVER_STOPPED = next(fault for fault in FAULTS if fault.alert == "MailServerDown")


@pytest.mark.usefixtures("monitoring")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_notified(stack: Stack, fault: Fault) -> None:
    """The notification has severity, cause and next step, and a second one follows after the repair."""
    notification = drill(stack, fault).notification
    assert (notification["name"], notification["severity"]) == (fault.alert, fault.severity)
    for word in fault.words:
        assert word in notification["description"]
    assert notification["labels"]["service"] == "mail"
    assert notification["annotations"]["runbook_url"].endswith(f"/runbooks/{fault.alert}.md")
    assert notification["annotations"]["dashboard_url"]
    criticals = {(one["name"], one["status"]) for one in notifications(stack) if one["severity"] == "critical"}
    expected = {fault.alert} if fault.severity == "critical" else set()
    assert {name for name, _ in criticals} == expected, criticals


def test_stopped_server_silences_other_alerts(stack: Stack, monitoring: Monitoring) -> None:
    """While the mail server is down, the alert about failing requests fires, but no notification is sent."""
    stack.http.delete(stack.url(SANDBOX, "/notifications")).raise_for_status()
    with MAIL_SERVER_STOPPED.inject(stack):
        await_alert(stack, MAIL_SERVER_STOPPED, "firing")
        response = stack.post({"to": RECIPIENT, "subject": "while the server is down", "body": "x"})
        assert response.status_code == 503
        until("MailApiFailing to fire", lambda: "MailApiFailing" in monitoring.firing())
        # The dead man's switch sends every five seconds here: by the second one, this alert would have been sent.
        seen = len(notifications(stack, "MailWatchdog"))
        until("two more signs of life", lambda: len(notifications(stack, "MailWatchdog")) >= seen + 2)
        assert notifications(stack, "MailApiFailing") == []
    await_alert(stack, MAIL_SERVER_STOPPED, "resolved")


def test_healthy_stack_is_quiet(stack: Stack, monitoring: Monitoring) -> None:
    """No critical alert fires on a healthy stack; the disk of the test machine does not count."""

    def look() -> bool:
        return monitoring.query('ALERTS{alertstate="firing",severity="critical",alertname!="MailVolumeFull"}') == []

    until("nothing critical", with_connections(stack, look))
    assert monitoring.query("up == 1") != []


def test_dead_mans_switch_has_its_own_receiver(stack: Stack, monitoring: Monitoring) -> None:
    """The dead man's switch sends to its own receiver, again and again, and never resolves."""
    assert "MailWatchdog" in monitoring.firing()
    until("a sign of life", lambda: len(notifications(stack, "MailWatchdog")))
    signs = notifications(stack, "MailWatchdog")
    assert {(one["receiver"], one["status"]) for one in signs} == {("mail-watchdog", "firing")}


def test_every_rule_is_evaluated(monitoring: Monitoring) -> None:
    """Prometheus evaluates every rule and annotation with the stack's real series, without an error."""
    loaded = until("all rules evaluated", lambda: _evaluated(monitoring))
    assert sum(1 for _ in rules()) == len(loaded)
    assert [(rule["name"], rule.get("lastError")) for rule in loaded if rule["health"] != "ok"] == []
    texts = [str(alert["annotations"]) for rule in loaded for alert in rule.get("alerts", ())]
    assert [text for text in texts if "error expanding" in text] == []


def _evaluated(monitoring: Monitoring) -> list[Json] | None:
    loaded = monitoring.rules()
    return loaded if all(rule["health"] != "unknown" for rule in loaded) else None


def test_queries_of_runbooks(monitoring: Monitoring) -> None:
    """Prometheus accepts every query of the runbooks."""
    texts = [path.read_text() for path in (ALERTS / "runbooks").glob("*.md")]
    queries = [query for text in texts for query in re.findall(r"```promql\n(.*?)```", text, re.DOTALL)]
    assert queries
    for query in queries:
        monitoring.query(query)


def test_every_metric_of_the_rules_is_exposed(stack: Stack) -> None:
    """Every metric of the rules is exposed by the running services, with the labels that the contract test expects."""
    stack.api_key("with-a-limit", "--daily", "5")  # gauges of keys need a key with a limit
    until("the room of the key", lambda: any(one.name == "mail_key_room_recipients" for one in stack.samples(EXPORTER)))
    exposed: dict[str, set[str]] = {}
    for sample in (*stack.samples(API_METRICS), *stack.samples(EXPORTER)):
        exposed.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    used = {selector for rule in rules() for selector in selectors(rule["expr"])}
    ours = [selector for selector in used if selector.metric in registered_labels()]
    assert ours
    assert [one.metric for one in ours if one.metric not in exposed] == []
    assert [one for one in ours if {name for name, _, _ in one.matchers} - exposed[one.metric]] == []
