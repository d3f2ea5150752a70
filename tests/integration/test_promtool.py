"""The exposition checked by promtool."""

import subprocess
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden/metrics.txt"
PROMTOOL = ("docker", "run", "--interactive", "--rm", "--entrypoint", "/bin/promtool", "prom/prometheus:v3.4.0")


def test_golden_exposition_is_clean() -> None:
    """`promtool check metrics` has no complaint about the golden exposition."""
    done = subprocess.run(  # noqa: S603 - the words above
        [*PROMTOOL, "check", "metrics"], input=GOLDEN.read_bytes(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
