"""The report: lines for people, JSON for programs."""

import json
from pathlib import Path

import pytest

from mail_check import report
from mail_check.finding import Area, Finding, Status, exit_status

GOLDEN = Path(__file__).resolve().parents[2] / "golden"

OK = Finding(Area.CONFIGURATION, "mail-server", Status.OK, "every variable can be used", "")
WARNING = Finding(
    Area.DNS, "SPF", Status.WARNING, "shop.org has none", 'Add a TXT record to shop.org: "v=spf1 mx ~all".'
)
FAILED = Finding(Area.RELAY, "login", Status.FAILED, "refused: 535 5.7.8 No", "Make a new app password.")
UNKNOWN = Finding(Area.DNS, "MX", Status.UNKNOWN, "could not look up shop.org in DNS: SERVFAIL", "")
ALL = [OK, WARNING, UNKNOWN, FAILED]


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        pytest.param([], 0, id="nothing looked at"),
        pytest.param([OK, WARNING], 0, id="warnings"),
        pytest.param([OK, UNKNOWN], 2, id="not all seen"),
        pytest.param([UNKNOWN, FAILED], 1, id="something failed"),
    ],
)
def test_exit_status(findings: list[Finding], expected: int) -> None:
    """What failed counts more than what could not be seen; warnings don't count."""
    assert expected == exit_status(findings)


def test_lines() -> None:
    """The report for people is as it was agreed on."""
    text = "\n".join([*report.lines(ALL), "", report.summary(ALL)]) + "\n"
    assert (GOLDEN / "check.txt").read_text() == text


def test_json() -> None:
    """The report for programs is as it was agreed on: whoever reads it must not have to change."""
    assert json.loads((GOLDEN / "check.json").read_text()) == json.loads(report.as_json(ALL))
