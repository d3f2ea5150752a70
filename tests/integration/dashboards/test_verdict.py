"""The sentence at the top of the overview, evaluated by promtool with the shipped recording rules."""

import json
from pathlib import Path
from typing import Final

from alerts.annotations import read_links
from alerts.render import rule_files
from dashboards.board_files import filled
from dashboards.promql import scoped
from dashboards.recording_rules import RECORDED
from dashboards.verdict import EXPRESSION
from tests.integration.alerts.tools import promtool

_EXPORTER: Final = 'job="mail-exporter",instance="mail-exporter:9154"'
HEALTHY: Final = {
    f"up{{{_EXPORTER}}}": "1x30",
    f"mail_exporter_log_last_line_timestamp_seconds{{{_EXPORTER}}}": "0+60x30",
    'ALERTS{alertname="MailWatchdog",service="mail",alertstate="firing",severity="none"}': "1x30",
}


def alert(name: str, severity: str, state: str = "firing") -> dict[str, str]:
    """Return the series of an alert."""
    labels = f'alertname="{name}",service="mail",alertstate="{state}",severity="{severity}"'
    return {f"ALERTS{{{labels}}}": "1x30"}


def waiting(mails: int, seconds: int) -> dict[str, str]:
    """Return the series of deferred mails, the oldest of this age."""
    labels = f'{_EXPORTER},queue="deferred"'
    return {
        f"postfix_queue_messages{{{labels}}}": f"{mails}x30",
        f"postfix_queue_oldest_message_age_seconds{{{labels}}}": f"{seconds}x30",
    }


def reopens(clock: str) -> dict[str, str]:
    """Return the series of the time at which websites can send again."""
    hours, minutes = map(int, clock.split(":"))
    return {f"mail_quota_reopens_timestamp_seconds{{{_EXPORTER}}}": f"{hours * 3600 + minutes * 60}x30"}


DOWN: Final = {f"up{{{_EXPORTER}}}": "0x30", f"mail_exporter_log_last_line_timestamp_seconds{{{_EXPORTER}}}": "_x30"}
CASES: Final[tuple[tuple[str, dict[str, str], str], ...]] = (
    ("healthy", {}, "Mail flows"),
    ("an alert of severity info", alert("MailTelemetryDropped", "info"), "Mail flows"),
    (
        "twelve mails wait",
        alert("MailRelayRefusesCredentials", "critical") | waiting(12, 425),
        "Mail waits: the relay refuses the login (12 mails, oldest 7 min)",
    ),
    (
        "one mail waits for hours",
        alert("MailRelayRefusesCredentials", "critical") | waiting(1, 3 * 3600 + 1),
        "Mail waits: the relay refuses the login (1 mail, oldest 3 h)",
    ),
    (
        "an alert that is about to fire",
        alert("MailRelayUnreachable", "critical", "pending") | waiting(2, 60),
        "Mail waits: the relay cannot be reached (2 mails, oldest 1 min)",
    ),
    ("a warning that may pass", alert("MailQuotaWillRunOut", "warning", "pending"), "Mail flows"),
    (
        "websites are refused",
        alert("MailQuotaNoRoom", "critical") | reopens("3:08"),
        "Websites are refused: daily limit reached until 03:08 UTC",
    ),
    (
        "websites are refused, in the evening",
        alert("MailQuotaNoRoom", "critical") | reopens("21:48"),
        "Websites are refused: daily limit reached until 21:48 UTC",
    ),
    (
        "the most important of several",
        alert("MailApiFailing", "warning")
        | alert("MailServerDown", "critical")
        | alert("MailQuotaNoRoom", "critical")
        | reopens("3:08"),
        "Websites cannot send: the mail server is down",
    ),
    ("a warning alone", alert("MailVolumeFilling", "warning"), "Mail flows, but disk space is low"),
    ("the exporter is down", DOWN, "Unknown: no data from the exporter"),
    (
        "the exporter is down, and an alert is held",
        DOWN | alert("MailRelayRefusesCredentials", "critical"),
        "Unknown: no data from the exporter",
    ),
    (
        "the exporter and the API are down",
        DOWN | alert("MailApiDown", "critical"),
        "Websites cannot send: the mail API is down",
    ),
    (
        "no rules",
        {'ALERTS{alertname="MailWatchdog",service="mail",alertstate="firing",severity="none"}': "_x30"},
        "Unknown: the alert rules are not loaded",
    ),
    (
        "an old log",
        {f"mail_exporter_log_last_line_timestamp_seconds{{{_EXPORTER}}}": "0x30"},
        "Unknown: the mail log has no new lines",
    ),
)
"""Name, series in addition to the healthy ones, and the sentence."""


def promtool_test(name: str, series: dict[str, str], sentence: str) -> dict[str, object]:
    """Return promtool's test of one case: there is exactly one sentence, the expected one."""
    query = filled(scoped(EXPRESSION, RECORDED))
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": key, "values": values} for key, values in (HEALTHY | series).items()],
        "promql_expr_test": [
            {
                "expr": f"count by (verdict) ({query})",
                "eval_time": "20m",
                "exp_samples": [{"labels": f'{{verdict="{sentence}"}}', "value": 1}],
            }
        ],
    }


def test_most_important_sentence(tmp_path: Path) -> None:
    """There is always exactly one sentence: of the most important alert, for missing data, or that mail flows."""
    used = ("recording.yml", "verdicts.yml")
    for name in used:
        (tmp_path / name).write_text(rule_files(read_links())[name])
    tests = {
        "rule_files": used,
        "evaluation_interval": "1m",
        "tests": [promtool_test(*case) for case in CASES],
    }
    (tmp_path / "verdict.yml").write_text(json.dumps(tests))
    promtool(tmp_path, "test", "rules", "verdict.yml")
