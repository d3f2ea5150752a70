"""dev/monitoring: images that are pulled or built, and the report, with a `docker` that records its calls."""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[3]
SERVICES: Final = {
    "prometheus": "prom/prometheus:v3.4.0",
    "tempo": "grafana/tempo:2.7.2",
    "loki": "grafana/loki:3.5.0",
}
LOKI: Final = SERVICES["loki"]
DOCKER: Final = """#!/bin/bash
echo "$*" >>"$CALLS"
case "$*" in
compose*config*) echo "$COMPOSED" ;;
"image inspect $PRESENT") ;;
"image inspect"* | pull*) exit 1 ;;
*"ps --all --quiet"*) echo "id-${@: -1}" ;;
inspect*) echo '[{"State": {"Status": "exited", "StartedAt": "a"}, "RestartCount": 0}]' ;;
logs*) echo "permission denied" ;;
compose*" port "*) exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script without a registry, with Loki's image only, and with parts that exit; return its calls."""
    folder = tmp_path_factory.mktemp("run")
    docker, calls = folder / "docker", folder / "calls"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    services = {name: {"image": image, "profiles": ["monitoring"]} for name, image in SERVICES.items()}
    environment = os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "COMPOSED": json.dumps({"services": services}),
        "PRESENT": LOKI,
    }
    command = [str(ROOT / "dev/monitoring")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours
    return done, calls.read_text().splitlines()


def test_built_and_unavailable_images(run: tuple[subprocess.CompletedProcess[str], list[str]]) -> None:
    """Prometheus is built as for the tests; an unavailable image is printed, and its part is not started."""
    done, calls = run
    (build,) = (call for call in calls if call.startswith("build"))
    assert f"--tag {SERVICES['prometheus']}" in build
    assert build.endswith("dev/stand-ins/prometheus")
    assert f"no registry has {SERVICES['tempo']}" in done.stdout
    assert [call for call in calls if call.endswith(" up --detach prometheus loki")]


def test_part_that_ends_is_shown_with_its_log(run: tuple[subprocess.CompletedProcess[str], list[str]]) -> None:
    """The exit code is 1, and each part that does not run is printed with the end of its log."""
    done, _ = run
    assert done.returncode == 1
    for name in ("prometheus", "loki"):
        head = f"monitoring: {name} does not run (exited, 0 restarts); the end of its log:"
        assert f"{head}\n    permission denied\n" in done.stdout
    assert " runs" not in done.stdout
