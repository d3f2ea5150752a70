"""When a part of the monitoring is reported as running, and what is shown when it does not run."""

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
        """Let time pass."""
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


def test_part_that_restarts_for_ever_does_not_run() -> None:
    """It is given up after a few restarts, though it is in state `running` at times."""
    engine = FakeEngine(restarting)
    assert not engine.watch(TEMPO)
    assert engine.now < STEADY_SECONDS


def test_part_that_restarts_seldom_does_not_run() -> None:
    """Docker's pause between restarts grows; the deadline ends the wait."""
    engine = FakeEngine(lambda now: restarting(now, pause=40))
    assert not engine.watch(TEMPO)
    assert engine.now == DEADLINE_SECONDS


def test_part_that_recovers_runs() -> None:
    """After one restart, the time without a restart counts anew."""
    engine = FakeEngine(lambda now: State("running", str(now >= 5), int(now >= 5)))
    assert engine.watch(TEMPO)
    assert engine.now == 5 + STEADY_SECONDS


def test_part_with_a_port_runs_once_it_answers() -> None:
    """It need not be steady for long, but it has to answer."""
    engine = FakeEngine(lambda _: State("running", "a"), answers_from=3)
    assert engine.watch(GRAFANA)
    assert (engine.now, set(engine.asked)) == (3, {"http://127.0.0.1:3000/api/health"})


def test_part_with_a_port_that_never_answers() -> None:
    """It does not run, however steady its container is."""
    engine = FakeEngine(lambda _: State("running", "a"), answers_from=1e9)
    assert not engine.watch(GRAFANA)
    assert engine.now == DEADLINE_SECONDS


@pytest.mark.parametrize("status", ["created", "exited", "dead", "missing"])
def test_container_that_will_not_start_by_itself(status: str) -> None:
    """Its part is reported at once."""
    engine = FakeEngine(lambda _: State(status))
    assert not engine.watch(TEMPO)
    assert engine.now == 0


def test_report() -> None:
    """A part that runs is one line with its address; one that does not comes with the end of its log."""
    engine = FakeEngine(lambda _: State("restarting", "a", 7))
    assert report(GRAFANA, runs=True, engine=engine) == "monitoring: grafana runs: http://127.0.0.1:3000"
    assert report(TEMPO, runs=True, engine=engine) == "monitoring: tempo runs"
    assert report(TEMPO, runs=False, engine=engine).splitlines() == [
        "monitoring: tempo does not run (restarting, 7 restarts); the end of its log:",
        "    starting c1",
        "    permission denied",
    ]
