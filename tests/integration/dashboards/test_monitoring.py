"""Configuration files of the monitoring profile, checked by promtool and Compose."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.contract.test_monitoring import PARTS as PROFILE
from tests.integration.alerts.tools import promtool
from tests.integration.dashboards.grafana import PARTS
from tests.integration.stack import ROOT, Stack


def test_configuration_of_the_profile(tmp_path: Path) -> None:
    """Promtool accepts the profile's prometheus.yml with the shipped rules."""
    tmp_path.chmod(0o755)
    shutil.copytree(ROOT / "alerts/rules", tmp_path / "mail")
    text = (ROOT / "dashboards/monitoring/prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/", "/mnt/"))
    said = promtool(tmp_path, "check", "config", "prometheus.yml")
    assert said.count("rules found") == len([*(ROOT / "alerts/rules").glob("*.yml")])


def test_overlay_for_the_dashboards() -> None:
    """The tests in a real Grafana use the profile's images, with free ports on loopback."""
    command = [*Stack("grafana").compose.compose_command_property, "config", "--format", "json"]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - Compose
    services = json.loads(done.stdout)["services"]
    for name, port in PARTS:
        assert services[name]["image"] == PROFILE[name]["image"]
        (published,) = services[name]["ports"]
        assert (published["host_ip"], published["target"], published["published"]) == ("127.0.0.1", port, "21000-21999")
    assert set(services) & set(PROFILE) == {name for name, _ in PARTS}
