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

RECORDING_FILE: Final = "recording.yml"
_ORIGIN: Final = "Written by `make alerts`; do not edit."


def rule_files(links: Links, speed: int = 1) -> dict[str, str]:
    """Return the text of every rule file by its name.

    Args:
        links: base addresses of the links in notifications.
        speed: divides all times.
    """
    return {RECORDING_FILE: _recording(speed)} | {
        f"{group.component}.yml": dump(
            {"groups": [{"name": f"mail {group.component}", "rules": list(_rules(group, links, speed))}]},
            f"{group.about}. From alerts/catalogue/{group.component}.py.\n{_ORIGIN}",
        )
        for group in GROUPS
    }


def _recording(speed: int) -> str:
    recorded = [{"record": name, "expr": faster(expression, speed)} for name, expression in RECORDED.items()]
    causes = [{"record": EXPLANATION, "expr": "vector(1)", "labels": labels} for labels in CAUSE_LABELS.values()]
    verdicts = [{"record": VERDICT, "expr": f"vector({one.priority})", "labels": one.labels} for one in VERDICTS]
    groups = {"mail causes": causes, "mail verdicts": verdicts, "mail recorded": recorded}
    return dump(
        {"groups": [{"name": name, "rules": rules} for name, rules in groups.items()]},
        "Recording rules for alerts and dashboards. From dashboards/recording_rules.py, alerts/verdicts.py and\n"
        "telemetry/mail_telemetry/causes.py.\n" + _ORIGIN,
    )


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
