"""Annotations of the dashboards, evaluated step by step by promtool."""

import json
from pathlib import Path
from typing import Final

from alerts.model import Severity
from dashboards.board_files import filled
from dashboards.expressions import RESTARTS, alerts_begun
from dashboards.promql import scoped
from dashboards.recording_rules import RECORDED
from tests.integration.alerts.tools import promtool

STEP: Final = 5
"""Minutes between two points of the graph; samples come every minute."""
FIRING: Final = 'ALERTS{alertname="A",service="mail",alertstate="firing",severity="critical",cause="auth"}'
API: Final = 'process_start_time_seconds{job="mail-api",instance="api:8000"}'
SERVER: Final = 'postfix_server_turns_total{job="mail-exporter",instance="exporter:9154",turn="started"}'
CRITICAL: Final = alerts_begun(Severity.CRITICAL)
WARNINGS: Final = alerts_begun(Severity.WARNING)
CASES: Final[tuple[tuple[str, str, str, str, set[int]], ...]] = (
    ("a lasting alert", CRITICAL, FIRING, "_x11 1x40", {15}),
    ("an alert shorter than a step", CRITICAL, FIRING, "_x11 1 1 stale", {15}),
    ("an alert that fires twice", CRITICAL, FIRING, "_x11 1x10 stale _x8 1x20", {15, 35}),
    ("an alert of another severity", WARNINGS, FIRING, "_x11 1x40", set()),
    ("a process that restarts", RESTARTS, API, "0x11 720x40", {15}),
    ("a process under a new address", RESTARTS, API, "_x11 720x40", {15}),
    ("a process that was not scraped for a while", RESTARTS, API, "0x11 _x14 0x30", set()),
    ("a mail server that starts again", RESTARTS, SERVER, "1x11 2x40", {15}),
    ("a mail server that starts with the exporter", RESTARTS, SERVER, "5x11 0 1x40", {15}),
)
"""Name, annotation, series, its values per minute, and the minutes that are marked."""


def promtool_test(name: str, expression: str, series: str, values: str, expected: set[int]) -> dict[str, object]:
    """Return promtool's test of one case: the number of marks at each step."""
    query = filled(scoped(expression, RECORDED), step=f"{STEP}m")
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": series, "values": values}],
        "promql_expr_test": [
            {
                "expr": f"count({query}) or vector(0)",
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": int(minute in expected)}],
            }
            for minute in range(STEP, 50, STEP)
        ],
    }


def test_only_beginnings_are_marked(tmp_path: Path) -> None:
    """An alert or restart is marked at one step, however long it lasts and however wide the step is."""
    tests = [promtool_test(*case) for case in CASES]
    (tmp_path / "marks.yml").write_text(json.dumps({"evaluation_interval": "1m", "tests": tests}))
    promtool(tmp_path, "test", "rules", "marks.yml")
