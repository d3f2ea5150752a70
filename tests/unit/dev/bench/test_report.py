"""From numbers to tables."""

from dev.bench.measure import Measurement
from dev.bench.report import Run, memory_table, results, speed_table


def run(side: str, cpu_seconds: float, *complaints: str, peak: int = 50_000_000) -> Run:
    """Return a run over a million lines."""
    return Run(side, 1_000_000, Measurement(cpu_seconds, 0.5, cpu_seconds * 1.1, peak, ""), complaints)


def test_ratios_are_of_the_same_run() -> None:
    """A machine that is slow for one whole run changes no ratio."""
    rounds = [
        [run("peer", 2.0), run("ours", 1.0)],
        [run("peer", 20.0), run("ours", 10.0)],
        [run("peer", 3), run("ours", 1)],
    ]
    peer, ours = results(rounds, ["peer"])
    assert {"peer": 2.0} == ours.ratios
    assert {"peer": 1.0} == peer.ratios
    assert 1_000_000 == ours.rate


def test_a_side_that_failed_once_is_judged_by_its_other_runs() -> None:
    """Its ratio needs a run in which both were measured."""
    found = {result.side: result for result in results([[run("peer", 2.0)], [run("ours", 1.0)]], ["peer"])}
    assert {} == found["ours"].ratios
    assert {"peer": 1.0} == found["peer"].ratios


def test_the_table_is_markdown_and_names_what_was_not_counted() -> None:
    """A fast exporter that does not count is not fast."""
    text = speed_table(results([[run("peer", 2.0), run("ours", 1.0, "sent is 3, not 4")]], ["peer"]), ["peer"])
    assert "| ours |       1,000,000 |   2.00 | 1,000,000 |    1.1 |      50 |        0.50 |" in text
    assert text.endswith("Not as the log has it:\n  ours: sent is 3, not 4")


def test_memory_is_a_ratio_too() -> None:
    """What counts is whether it grows."""
    text = memory_table([(run("ours", 1.0), run("ours", 9.0, peak=55_000_000))])
    assert text.endswith("|                  50 |                  55 |  1.10 |")
