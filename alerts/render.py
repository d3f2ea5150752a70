"""Rule files of Prometheus from the alerts and recording rules."""

from collections.abc import Iterator
from typing import Any, Final

from alerts.annotations import Links, annotations
from alerts.catalogue import GROUPS
from alerts.model import SERVICE, Alert, Group
from alerts.rule_times import KEEP_FIRING_FOR, faster, reads_gauges_of_exporter
from alerts.verdicts import VERDICTS
from alerts.yaml_text import dump
from dashboards.recording_rules import CAUSE_LABELS, EXPLANATION, RECORDED, VERDICT

Rule = dict[str, Any]

_ORIGIN: Final = "Written by `make alerts`; do not edit."


def rule_files(links: Links, speed: int = 1) -> dict[str, str]:
    """Return the text of every rule file by its name.

    Args:
        links: base addresses of the links in notifications.
        speed: divides all times.
    """
    alerts = {
        f"{group.component}.yml": _file(
            f"mail {group.component}",
            list(_rules(group, links, speed)),
            f"{group.about}. From alerts/catalogue/{group.component}.py.",
        )
        for group in GROUPS
    }
    return alerts | {"recording.yml": _recorded(speed), "causes.yml": _causes(), "verdicts.yml": _verdicts()}


def _recorded(speed: int) -> str:
    rules: list[Rule] = [{"record": name, "expr": faster(expression, speed)} for name, expression in RECORDED.items()]
    about = "Recording rules for alerts and dashboards. From dashboards/recording_rules.py."
    return _file("mail recorded", rules, about)


def _causes() -> str:
    rules: list[Rule] = [{"record": EXPLANATION, "expr": "vector(1)", "labels": it} for it in CAUSE_LABELS.values()]
    about = (
        "The explanation of each cause, for alerts and dashboards. From telemetry/mail_telemetry/causes.py.\n"
        "Apart from recording.yml, so that the promtool tests of other alerts do not evaluate these constants."
    )
    return _file("mail causes", rules, about)


def _verdicts() -> str:
    rules: list[Rule] = [
        {"record": VERDICT, "expr": f"vector({one.priority})", "labels": one.labels} for one in VERDICTS
    ]
    return _file("mail verdicts", rules, "The sentence for each alert on the overview. From alerts/verdicts.py.")


def _file(group: str, rules: list[Rule], about: str) -> str:
    return dump({"groups": [{"name": group, "rules": rules}]}, f"{about}\n{_ORIGIN}")


def _rules(group: Group, links: Links, speed: int) -> Iterator[Rule]:
    for alert in group.alerts:
        yield _rule(alert, group.component.value, links, speed)


def _rule(alert: Alert, component: str, links: Links, speed: int) -> Rule:
    rule: Rule = {"alert": alert.name, "expr": faster(alert.expr, speed)}
    if alert.hold != "0s":
        rule["for"] = faster(alert.hold, speed)
    if reads_gauges_of_exporter(alert.expr):
        rule["keep_firing_for"] = faster(KEEP_FIRING_FOR, speed)
    rule["labels"] = {"service": SERVICE, "component": component, "severity": alert.severity.value}
    rule["annotations"] = annotations(alert, links)
    return rule
