"""Prometheus's own opinion of the rules, and the stories that they are tested by."""

from pathlib import Path

import pytest

from alerts.__main__ import write
from tests.contract.series import ALERTS
from tests.integration.alerts.monitoring import SPEED, configuration
from tests.integration.alerts.tools import promtool

STORIES = sorted(path.name for path in (ALERTS / "tests").glob("*.yml"))
FILES = sorted(path.name for path in (ALERTS / "rules").glob("*.yml"))


def test_rules_load() -> None:
    """`promtool check rules` takes every file, with all its lints."""
    paths = [f"rules/{name}" for name in FILES]
    assert "FAILED" not in promtool(ALERTS, "check", "rules", "--lint=all", "--lint-fatal", *paths)


@pytest.mark.parametrize("story", STORIES)
def test_stories(story: str) -> None:
    """What has to fire fires, what has not does not, and it ends."""
    promtool(ALERTS, "test", "rules", f"tests/{story}")


def test_rules_of_the_drill_load(tmp_path: Path) -> None:
    """They are the same files with other times, and the drill's configuration is one."""
    assert sorted(write(tmp_path / "rules", SPEED)) == FILES
    promtool(tmp_path, "check", "rules", *(f"rules/{name}" for name in FILES))
    configured = configuration("192.0.2.1:9093").replace("/etc/prometheus/mail", "/mnt/rules")
    (tmp_path / "prometheus.yml").write_text(configured)
    promtool(tmp_path, "check", "config", "prometheus.yml")
