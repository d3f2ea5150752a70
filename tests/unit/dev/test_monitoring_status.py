"""Status of the monitoring's parts: when a part counts as running, and what is printed otherwise."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from dev.monitoring_status import DEADLINE_SECONDS, STEADY_SECONDS, Part, State, report, watch

TEMPO = Part("tempo", "c1")
GRAFANA = Part("grafana", "c2", "http://127.0.0.1:3000")


@dataclass
class FakeEngine:
    """Containers whose state and answer depend on the seconds since the start."""

    at: Callable[[float], State]
    answers_from: float = 0
    now: float = 0
    asked: list[str] = field(default_factory=list)

    def state(self, container: str) -> State:
        """Return the state at this second."""
        assert container
        return self.at(self.now)

    def log(self, container: str) -> str:
        """Return two lines."""
        return f"starting {container}\npermission denied\n"

    def answers(self, url: str) -> bool:
        """Return whether the part is ready at this second."""
        self.asked.append(url)
        return self.now >= self.answers_from

    def sleep(self, seconds: float) -> None:
        """Advance the time."""
        self.now += seconds

    def watch(self, part: Part) -> bool:
        """Return whether the part was found to run."""
        ((found, runs),) = watch([part], self, clock=lambda: self.now, sleep=self.sleep)
        assert found == part
        return runs


def restarting(seconds: float, pause: float = 2) -> State:
    """Return the state of a container that ends one second after each start."""
    count = int(seconds / pause)
    return State("running" if seconds % pause < 1 else "restarting", str(count), count)


def test_steady_part_runs() -> None:
    """A part without a port runs once it has run for a while without a restart."""
    engine = FakeEngine(lambda _: State("running", "a"))
    assert engine.watch(TEMPO)
    assert engine.now == STEADY_SECONDS


def test_part_that_keeps_restarting_does_not_run() -> None:
    """A part that keeps restarting is reported after a few restarts, though it is in state `running` at times."""
    engine = FakeEngine(restarting)
    assert not engine.watch(TEMPO)
    assert engine.now < STEADY_SECONDS


def test_part_that_restarts_seldom_does_not_run() -> None:
    """A part whose pauses between restarts grow is reported at the deadline."""
    engine = FakeEngine(lambda now: restarting(now, pause=40))
    assert not engine.watch(TEMPO)
    assert engine.now == DEADLINE_SECONDS


def test_part_that_recovers_runs() -> None:
    """A restart resets the time for which a part has to run."""
    engine = FakeEngine(lambda now: State("running", str(now >= 5), int(now >= 5)))
    assert engine.watch(TEMPO)
    assert engine.now == 5 + STEADY_SECONDS


def test_part_with_a_port_runs_once_it_answers() -> None:
    """A part with a port has to answer, and need not be steady."""
    engine = FakeEngine(lambda _: State("running", "a"), answers_from=3)
    assert engine.watch(GRAFANA)
    assert (engine.now, set(engine.asked)) == (3, {"http://127.0.0.1:3000/api/health"})


def test_part_with_a_port_that_never_answers() -> None:
    """A part with a port that never answers does not run, however steady its container is."""
    engine = FakeEngine(lambda _: State("running", "a"), answers_from=1e9)
    assert not engine.watch(GRAFANA)
    assert engine.now == DEADLINE_SECONDS


@pytest.mark.parametrize("status", ["created", "exited", "dead", "missing"])
def test_container_that_is_not_restarted(status: str) -> None:
    """A container that Docker does not restart is reported at once."""
    engine = FakeEngine(lambda _: State(status))
    assert not engine.watch(TEMPO)
    assert engine.now == 0


def test_report() -> None:
    """A running part is one line with its address; a part that does not run has the end of its log."""
    engine = FakeEngine(lambda _: State("restarting", "a", 7))
    assert report(GRAFANA, runs=True, engine=engine) == "monitoring: grafana runs: http://127.0.0.1:3000"
    assert report(TEMPO, runs=True, engine=engine) == "monitoring: tempo runs"
    assert report(TEMPO, runs=False, engine=engine).splitlines() == [
        "monitoring: tempo does not run (restarting, 7 restarts); the end of its log:",
        "    starting c1",
        "    permission denied",
    ]
