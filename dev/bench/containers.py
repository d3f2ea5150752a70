"""Builds the benchmark's images, and runs each measurement in a container that is removed afterwards."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dev.bench.exporters import Image, Side
from dev.bench.measure import Measurement

_ROOT: Final = Path(__file__).resolve().parents[2]
_EXPORTER: Final = "dinky-mail/bench-exporter"
_LABEL: Final = "dev.dinky-mail.bench=true"
_CONTAINER: Final = f"dinky-mail-bench-{os.getpid()}"
_RUN_SECONDS: Final = 1800


class BenchError(Exception):
    """A command failed; the message names it and contains its output."""


def build() -> None:
    """Build the images: the other exporters from Debian, ours from the working tree.

    Raises:
        BenchError: Docker does not answer, or a build failed.
    """
    _docker("Docker does not answer (`dev/setup` sets it up)", "version")
    _build(image(Image.PEERS), "dev/bench", "--target", Image.PEERS)
    _build(_EXPORTER, ".", "--target", "mail-exporter")
    _build(image(Image.OURS), "dev/bench", "--target", Image.OURS, "--build-arg", f"EXPORTER={_EXPORTER}")
    # Images of earlier builds that have no name any more.
    _docker("old images were not removed", "image", "prune", "--force", "--filter", f"label={_LABEL}")


def image(target: Image) -> str:
    """Return the image's name."""
    return f"dinky-mail/bench-{target}"


def versions() -> dict[str, str]:
    """Return the version of everything that is measured."""
    query = ("dpkg-query", "--show", "--showformat", "${Package} ${Version}\n", "mtail", "prometheus-postfix-exporter")
    found = dict(line.split() for line in _in_image(Image.PEERS, *query).splitlines())
    return found | {"python": _in_image(Image.OURS, "python3", "--version").split()[1]}


def measure(side: Side, log: Path, lines: int) -> Measurement:
    """Run a side over a log in a container without a network.

    Raises:
        BenchError: it could not be run, or did not read everything.
    """
    arguments = ["--log", f"/log/{log.name}", "--url", side.url, "--lines", str(lines), "--sink", str(side.sink_port)]
    if side.counters:
        arguments += ["--counters", ",".join(side.counters)]
    command = (
        *("run", "--rm", "--name", _CONTAINER, "--label", _LABEL, "--network", "none"),
        *("--volume", f"{log.parent}:/log:ro", "--volume", "/var/lib/mail-ledger"),
        *(word for variable in side.environment for word in ("--env", variable)),
        *("--entrypoint", "python3", image(side.image), "/opt/bench/measure.py"),
        *(side.manner, *arguments, "--", *side.command),
    )
    try:
        return Measurement(**json.loads(_docker(side.name, *command)))
    except BaseException:  # also after Ctrl-C: the container would run on
        remove: Sequence[str] = ("docker", "rm", "--force", "--volumes", _CONTAINER)
        subprocess.run(remove, check=False, capture_output=True)
        raise


def _build(name: str, context: str, *arguments: str) -> None:
    _docker(f"{name} was not built", "build", "--quiet", "--label", _LABEL, "--tag", name, *arguments, context)


def _in_image(target: Image, *command: str) -> str:
    program, *arguments = command
    entry = ("--entrypoint", program, image(target))
    return _docker(f"{program} in {target}", "run", "--rm", "--network", "none", *entry, *arguments)


def _docker(what: str, *arguments: str) -> str:
    command: Sequence[str] = ("docker", *arguments)
    try:
        done = subprocess.run(command, cwd=_ROOT, check=False, capture_output=True, text=True, timeout=_RUN_SECONDS)
    except FileNotFoundError as error:
        raise BenchError(f"{what}: there is no docker command") from error
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{what}: not done after {_RUN_SECONDS} s") from error
    if done.returncode:
        raise BenchError(f"{what}: {done.stderr.strip()[-2000:]}")
    return done.stdout
