"""All series that can be queried, and the recording rules for some of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from alerts.verdicts import VERDICTS
from dashboards.recording_rules import CAUSE_LABELS, EXPLANATION, RECORDED, VERDICT
from mail_telemetry.metrics import api, exporter

METRICS: Final = (*api.METRICS, *exporter.METRICS)
ALERTS: Final = Path(__file__).resolve().parents[2] / "alerts"
PROMETHEUS: Final = {
    "up": {"job", "instance"},
    "ALERTS": {"alertname", "alertstate", "severity", "service", "component"},
    "ALERTS_FOR_STATE": {"alertname", "severity", "service", "component"},
}
"""Series that Prometheus creates itself."""

Rule = dict[str, Any]


def registered_labels() -> dict[str, set[str]]:
    """Return the labels of every series that a service exposes."""
    known: dict[str, set[str]] = {}
    for metric in METRICS:
        labels = {*metric.labels, "job", "instance"}
        if metric.kind == "histogram":
            known |= {f"{metric.name}_count": labels, f"{metric.name}_sum": labels}
            known[f"{metric.name}_bucket"] = labels | {"le"}
        else:
            known[metric.exposed] = labels
    return known


def known_labels() -> dict[str, set[str]]:
    """Return the labels of every series: of the services, of Prometheus, of recording rules."""
    recorded = {name: {name.partition(":")[0]} for name in RECORDED}
    tables = {EXPLANATION: {*next(iter(CAUSE_LABELS.values()))}, VERDICT: {*VERDICTS[0].labels}}
    return registered_labels() | PROMETHEUS | recorded | tables


def rules() -> Iterator[Rule]:
    """Yield every rule of every rule file."""
    for path in sorted((ALERTS / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]
