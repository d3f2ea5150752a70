"""Tables of the benchmark's report."""

from dev.bench.measure import Measurement
from dev.bench.report import Run, memory_table, results, speed_table


def run(side: str, cpu_seconds: float, *complaints: str, peak: int = 50_000_000) -> Run:
    """Return a run over a million lines."""
    return Run(side, 1_000_000, Measurement(cpu_seconds, 0.5, cpu_seconds * 1.1, peak, ""), complaints)


def test_ratios_are_of_the_same_run() -> None:
    """Ratios are of the same round, so a slow round does not change them."""
    rounds = [
        [run("peer", 2.0), run("ours", 1.0)],
        [run("peer", 20.0), run("ours", 10.0)],
        [run("peer", 3), run("ours", 1)],
    ]
    peer, ours = results(rounds, ["peer"])
    assert {"peer": 2.0} == ours.ratios
    assert {"peer": 1.0} == peer.ratios
    assert 1_000_000 == ours.rate


def test_side_that_failed_once() -> None:
    """A ratio needs a round in which both sides were measured."""
    found = {result.side: result for result in results([[run("peer", 2.0)], [run("ours", 1.0)]], ["peer"])}
    assert {} == found["ours"].ratios
    assert {"peer": 1.0} == found["peer"].ratios


def test_speed_table() -> None:
    """The table is Markdown, and lists what an exporter has not counted."""
    text = speed_table(results([[run("peer", 2.0), run("ours", 1.0, "sent is 3, not 4")]], ["peer"]), ["peer"])
    assert "| ours |       1,000,000 |   2.00 | 1,000,000 |    1.1 |      50 |        0.50 |" in text
    assert text.endswith("Counters that differ from the log:\n  ours: sent is 3, not 4")


def test_memory_table() -> None:
    """The memory table has the ratio of both runs."""
    text = memory_table([(run("ours", 1.0), run("ours", 9.0, peak=55_000_000))])
    assert text.endswith("|                  50 |                  55 |  1.10 |")
