"""Alert rules checked by promtool: syntax, and the promtool tests."""

from pathlib import Path

import pytest

from alerts.__main__ import write
from tests.contract.series import ALERTS
from tests.integration.alerts.monitoring import SPEED, configuration
from tests.integration.alerts.tools import promtool

TESTS = sorted(path.name for path in (ALERTS / "tests").glob("*.yml"))
FILES = sorted(path.name for path in (ALERTS / "rules").glob("*.yml"))


def test_rules_load() -> None:
    """`promtool check rules` accepts every file, with all its lints."""
    paths = [f"rules/{name}" for name in FILES]
    assert "FAILED" not in promtool(ALERTS, "check", "rules", "--lint=all", "--lint-fatal", *paths)


@pytest.mark.parametrize("story", TESTS)
def test_promtool_tests(story: str) -> None:
    """Each rule file's promtool tests pass."""
    promtool(ALERTS, "test", "rules", f"tests/{story}")


def test_rules_of_the_drill_load(tmp_path: Path) -> None:
    """The drill's rules, which differ in their times only, and its configuration are valid."""
    assert sorted(write(tmp_path / "rules", SPEED)) == FILES
    promtool(tmp_path, "check", "rules", *(f"rules/{name}" for name in FILES))
    configured = configuration("192.0.2.1:9093").replace("/etc/prometheus/mail", "/mnt/rules")
    (tmp_path / "prometheus.yml").write_text(configured)
    promtool(tmp_path, "check", "config", "prometheus.yml")
