"""Builds what is measured and runs each measurement in a container of its own, which leaves nothing behind."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.measure import Measurement
from bench.sides import Image, Side

_ROOT: Final = Path(__file__).resolve().parent.parent
_EXPORTER: Final = "dinky-mail/bench-exporter"
_LABEL: Final = "dev.dinky-mail.bench=true"
_CONTAINER: Final = "dinky-mail-bench"
_RUN_SECONDS: Final = 1800


class BenchError(Exception):
    """Something could not be run; the message says what, and what it said itself."""


def build() -> None:
    """Build the images: the peers out of Debian, and ours out of the working tree.

    Raises:
        BenchError: Docker does not answer, or a build failed.
    """
    _docker("Docker does not answer (`dev/setup` sets it up)", "version")
    label = ("--quiet", "--label", _LABEL)
    _docker(
        "the peers' image was not built", "build", *label, "--target", Image.PEERS, "-t", image(Image.PEERS), "bench"
    )
    _docker("our image was not built", "build", *label, "--target", "mail-exporter", "-t", _EXPORTER, ".")
    exporter = ("--build-arg", f"EXPORTER={_EXPORTER}")
    _docker(
        *("our bench image was not built", "build", *label, *exporter),
        *("--target", Image.OURS, "-t", image(Image.OURS), "bench"),
    )
    # What the builds before this one have left without a name.
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
    output = _docker(
        side.name,
        *("run", "--rm", "--name", _CONTAINER, "--label", _LABEL, "--network", "none"),
        *("--volume", f"{log.parent}:/log:ro", "--volume", "/var/lib/mail-ledger"),
        *(word for name, value in side.environment.items() for word in ("--env", f"{name}={value}")),
        *("--entrypoint", "python3", image(side.image), "/opt/bench/bench/measure.py"),
        *(side.manner, *arguments, "--", *side.command),
    )
    return Measurement(**json.loads(output))


def remove() -> None:
    """Remove the container that an interrupted run has left."""
    subprocess.run(["docker", "rm", "--force", "--volumes", _CONTAINER], check=False, capture_output=True)  # noqa: S607


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
