"""The stack of the API benchmark: production containers on a separate network, and the load generators."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from dev.bench.containers import BenchError

_ROOT: Final = Path(__file__).resolve().parents[2]
_COMPOSE: Final = (
    *("docker", "compose", "--file", "docker-compose.mail.prod.yml", "--file", "dev/bench/docker-compose.api.yml"),
    *("--env-file", "dev/bench/api.env"),
)
_COMMAND_SECONDS: Final = 900
_DRAIN_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.2
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STOPPED: Final = 124
"""The exit status of timeout(1) when the time was up."""
_SOURCE: Final = ("-c", "-f", "hi@dinky.example", "-t", "owner@inbox.example", "-l", "1200")
_ENDLESS: Final = "1000000000"


class Service(StrEnum):
    """The API's containers, by their names in Compose."""

    OBSERVED = "mail-api"
    UNOBSERVED = "api-unobserved"
    COLLECTOR_DEAD = "api-collector-dead"


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a load generator; times are in seconds, and unknown where it does not print them."""

    mails: int
    seconds: float
    p50: float | None = None
    p99: float | None = None
    troubles: str = ""
    """The requests that failed, as text."""


class Usage(NamedTuple):
    """Resources of a container's process since its start."""

    cpu_seconds: float
    peak_bytes: int


def build() -> None:
    """Build the images from the working tree.

    Raises:
        BenchError: Docker does not answer, or a build failed.
    """
    _run("Docker does not answer (`dev/setup` sets it up)", "docker", "version")
    _compose("the images were not built", "build", "--quiet")


def versions() -> dict[str, str]:
    """Return the versions of the measured programs."""
    return {
        "postfix": _exec("mail-server", "postconf", "-h", "mail_version").strip(),
        "python": _exec(Service.OBSERVED, "python3", "--version").split()[1],
        "wrk": _exec("injector", "dpkg-query", "--show", "--showformat", "${Version}", "wrk"),
    }


@contextmanager
def running() -> Iterator[None]:
    """Run a new stack with an empty queue and empty ledgers; remove it with its volumes at the end.

    Raises:
        BenchError: it did not come up.
    """
    try:
        _compose("the stack did not start", "up", "--detach", "--no-build", "--quiet-pull", "--wait")
        # In place of a relay without delay: Postfix accepts, stores and schedules as usual.
        _exec("mail-server", "postconf", "default_transport=discard:")
        _exec("mail-server", "postfix", "reload")
        yield
    finally:
        _run("the stack was not removed", *_COMPOSE, "down", "--volumes", "--remove-orphans", "--timeout", "5")


def smtp_source(clients: int, seconds: int, *, kept: bool) -> Load:
    """Return the result of smtp-source, with a new connection for each mail, or with kept ones.

    Raises:
        BenchError: it failed.
    """
    manner = ("-d",) if kept else ()
    command = ("smtp-source", *manner, *_SOURCE, "-m", _ENDLESS, "-s", str(clients), "mail-server:25")
    done = _try(*_COMPOSE, "exec", "-T", "injector", "timeout", str(seconds), *command)
    counted = done.stdout.replace("\r", "\n").split()
    if done.returncode != _STOPPED or not counted:
        raise BenchError(f"smtp-source: {done.stderr.strip()[-2000:]}")
    return Load(int(counted[-1]), seconds)


def wrk(service: Service, clients: int, seconds: int) -> Load:
    """Return the result of wrk, in which each client keeps its own connection.

    Raises:
        BenchError: it failed.
    """
    options = ("--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s", "--timeout", "30s")
    said = _exec("injector", "wrk", *options, "--script", "/opt/bench/post.lua", f"http://{service}:20001/send")
    found = json.loads(said.splitlines()[-1])
    troubles = ", ".join(f"{found[kind]} {kind}" for kind in ("refused", "lost") if found[kind])
    return Load(found["answers"] - found["refused"], found["seconds"], found["p50"], found["p99"], troubles)


def usage(service: Service) -> Usage:
    """Return the resources of the API; its process is the first of its container (proc(5))."""
    stat, _, status = _exec(service, "cat", "/proc/1/stat", "/proc/1/status").partition("\n")
    ticks = sum(int(field) for field in stat.rpartition(")")[2].split()[11:13])
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return Usage(ticks / _TICKS, int(peak) * 1024)


def spans_arrived() -> int:
    """Return how many spans the collector has received."""
    ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:4318').read().decode())"
    return int(_exec("collector", "python3", "-c", ask))


def left_in_queue() -> int:
    """Return how many mails are in Postfix's queue, after some seconds for their delivery."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    while (left := len(_exec("mail-server", "postqueue", "-j").splitlines())) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left


def _exec(service: str, *command: str) -> str:
    return _compose(f"{command[0]} in {service}", "exec", "-T", service, *command)


def _compose(what: str, *arguments: str) -> str:
    return _run(what, *_COMPOSE, *arguments)


def _run(what: str, *command: str) -> str:
    done = _try(*command)
    if done.returncode:
        raise BenchError(f"{what}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _try(*command: str) -> subprocess.CompletedProcess[str]:
    words: Sequence[str] = command
    environment = {"DINKY_MAIL_VERSION": "bench", **os.environ}
    try:
        return subprocess.run(
            words, cwd=_ROOT, env=environment, check=False, capture_output=True, text=True, timeout=_COMMAND_SECONDS
        )
    except FileNotFoundError as error:
        raise BenchError(f"there is no {command[0]} command") from error
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{' '.join(command[-3:])}: not done after {_COMMAND_SECONDS} s") from error
