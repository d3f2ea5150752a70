"""Command of the exporter benchmark."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_without_docker_it_fails_with_a_reason(tmp_path: Path) -> None:
    """Without Docker the command fails with the reason, and prints no numbers."""
    done = subprocess.run(
        [sys.executable, "-m", "dev.bench.exporter", "--quick"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert 1 == done.returncode
    assert "there is no docker command" in done.stderr
