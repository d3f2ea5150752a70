"""Prometheus's opinion of the monitoring profile's configuration."""

import shutil
from pathlib import Path

from tests.integration.alerts.tools import promtool
from tests.integration.stack import ROOT


def test_configuration_of_the_profile(tmp_path: Path) -> None:
    """Promtool takes the profile's prometheus.yml with the shipped rules."""
    tmp_path.chmod(0o755)
    shutil.copytree(ROOT / "alerts/rules", tmp_path / "mail")
    text = (ROOT / "dashboards/monitoring/prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/", "/mnt/"))
    said = promtool(tmp_path, "check", "config", "prometheus.yml")
    assert said.count("rules found") == len([*(ROOT / "alerts/rules").glob("*.yml")])
