"""The check report: lines and JSON."""

import json
from pathlib import Path

import pytest

from mail_check import report
from mail_check.results import Area, CheckFinding, CheckStatus, exit_status

GOLDEN = Path(__file__).resolve().parents[2] / "golden"

OK = CheckFinding(Area.CONFIGURATION, "mail-server", CheckStatus.OK, "every variable can be used", "")
WARNING = CheckFinding(
    Area.DNS, "SPF", CheckStatus.WARNING, "shop.org has none", 'Add a TXT record to shop.org: "v=spf1 mx ~all".'
)
FAILED = CheckFinding(Area.RELAY, "login", CheckStatus.FAILED, "refused: 535 5.7.8 No", "Make a new app password.")
UNKNOWN = CheckFinding(Area.DNS, "MX", CheckStatus.UNKNOWN, "could not look up shop.org in DNS: SERVFAIL", "")
ALL = [OK, WARNING, UNKNOWN, FAILED]


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        pytest.param([], 0, id="no checks"),
        pytest.param([OK, WARNING], 0, id="warnings"),
        pytest.param([OK, UNKNOWN], 2, id="not all checked"),
        pytest.param([UNKNOWN, FAILED], 1, id="something failed"),
    ],
)
def test_exit_status(findings: list[CheckFinding], expected: int) -> None:
    """A failure takes precedence over unknown; warnings do not change the exit status."""
    assert expected == exit_status(findings)


def test_lines() -> None:
    """The lines are as in tests/golden/check.txt."""
    text = "\n".join([*report.lines(ALL), "", report.summary(ALL)]) + "\n"
    assert (GOLDEN / "check.txt").read_text() == text


def test_json() -> None:
    """The JSON is as in tests/golden/check.json: programs read it."""
    assert json.loads((GOLDEN / "check.json").read_text()) == json.loads(report.as_json(ALL))
