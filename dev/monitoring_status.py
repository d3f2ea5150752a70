"""Status of the monitoring's containers, with the last log lines of those that do not run; called by dev/monitoring."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import httpx2

READY: Final = {"grafana": "/api/health", "prometheus": "/-/ready", "alertmanager": "/-/ready"}
"""Where the parts that publish a port answer 200 once they are ready."""

STEADY_SECONDS: Final = 15.0
"""A part without a port runs when it had no restart for this long. Docker calls a start successful after 10 s."""
RESTARTS: Final = 3
"""Restarts after which a part counts as failed; one or two can be due to another part that was not ready."""
DEADLINE_SECONDS: Final = 90.0
"""Grafana's first start takes half a minute on a slow machine."""
LOG_LINES: Final = 10

_OVER: Final = ("created", "exited", "dead", "missing")
"""States that Docker does not leave by itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """A service of the profile: its container's id, empty if there is none, and its address if it has one."""

    name: str
    container: str
    address: str = ""


class State(NamedTuple):
    """The state of a container as Docker reports it."""

    status: str
    started: str = ""
    restarts: int = 0


class Engine(Protocol):
    """The containers, as `watch` needs them."""

    def state(self, container: str) -> State:
        """Return the state of a container."""
        ...

    def log(self, container: str) -> str:
        """Return the last lines of its log."""
        ...

    def answers(self, url: str) -> bool:
        """Return whether the URL answers 200."""
        ...


class Docker:
    """The real containers."""

    def state(self, container: str) -> State:
        """Return the state of a container: `missing` when there is none."""
        done = _docker("inspect", "--type=container", container)
        if done.returncode:
            return State("missing")
        (found,) = json.loads(done.stdout)
        return State(found["State"]["Status"], found["State"]["StartedAt"], found["RestartCount"])

    def log(self, container: str) -> str:
        """Return the last lines of its log, standard output and error together."""
        return _docker("logs", f"--tail={LOG_LINES}", container).stdout

    def answers(self, url: str) -> bool:
        """Return whether the URL answers 200."""
        try:
            return httpx2.get(url, timeout=2).status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            return False


class _Watched:
    """The states of a part so far."""

    def __init__(self, part: Part, engine: Engine, now: float) -> None:
        self.part = part
        self._engine = engine
        self._began = self._since = now
        self._last = engine.state(part.container)
        self._restarts = self._last.restarts

    def runs(self, now: float) -> bool | None:
        """Return whether the part runs; None while that is not certain."""
        state = self._engine.state(self.part.container)
        if state != self._last:
            self._last, self._since = state, now
        if state.status in _OVER or state.restarts - self._restarts >= RESTARTS:
            return False
        if state.status == "running" and self._is_proven(now):
            return True
        return False if now - self._began >= DEADLINE_SECONDS else None

    def _is_proven(self, now: float) -> bool:
        if self.part.address:
            return self._engine.answers(self.part.address + READY[self.part.name])
        return now - self._since >= STEADY_SECONDS


def watch(
    parts: list[Part],
    engine: Engine,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[Part, bool]]:
    """Yield each part with whether it runs, as soon as that is certain."""
    watched = [_Watched(part, engine, clock()) for part in parts]
    while watched:
        results = [(one, one.runs(clock())) for one in watched]
        yield from ((one.part, result) for one, result in results if result is not None)
        watched = [one for one, result in results if result is None]
        if watched:
            sleep(1)


def report(part: Part, *, runs: bool, engine: Engine) -> str:
    """Return the line about a part, and the end of its log if it does not run."""
    if runs:
        return f"monitoring: {part.name} runs{part.address and f': {part.address}'}"
    state = engine.state(part.container)
    head = f"monitoring: {part.name} does not run ({state.status}, {state.restarts} restarts); the end of its log:"
    lines = engine.log(part.container).splitlines() if part.container else []
    return "\n".join([head, *(f"    {line}" for line in lines or ["(empty)"])])


def main() -> int:
    """Report the parts given as NAME=CONTAINER=ADDRESS, the last two possibly empty; return 1 if one does not run."""
    engine = Docker()
    failed = False
    for part, runs in watch([Part(*argument.split("=", 2)) for argument in sys.argv[1:]], engine):
        print(report(part, runs=runs, engine=engine), flush=True)
        failed |= not runs
    return int(failed)


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
