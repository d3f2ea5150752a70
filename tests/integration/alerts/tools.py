"""promtool and amtool from the images that Dinky Server runs."""

import subprocess
from pathlib import Path
from typing import Final

PROMETHEUS: Final = "prom/prometheus:v3.4.0"
ALERTMANAGER: Final = "prom/alertmanager:v0.28.1"


def promtool(folder: Path, *arguments: str) -> str:
    """Run promtool in a folder and return its output; fail with the output if it fails."""
    return _run(PROMETHEUS, "/bin/promtool", folder, arguments)


def amtool(folder: Path, *arguments: str) -> str:
    """Run amtool in a folder and return its output; fail with the output if it fails."""
    return _run(ALERTMANAGER, "/bin/amtool", folder, arguments)


def _run(image: str, tool: str, folder: Path, arguments: tuple[str, ...]) -> str:
    # As root: the image's own user cannot read pytest's temporary folders.
    mount = ("--volume", f"{folder}:/mnt:ro", "--workdir", "/mnt", "--user", "root")
    command = ("docker", "run", "--rm", *mount, "--entrypoint", tool, image, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the words above
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout
