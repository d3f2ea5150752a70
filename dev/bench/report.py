"""Tables of the exporter benchmark: medians over the runs, and ratios between sides of the same run."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from dev.bench.measure import Measurement

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """One side's measurement in one run."""

    side: str
    lines: int
    measurement: Measurement
    complaints: tuple[str, ...] = ()
    """Differences between its counters and the log."""

    @property
    def rate(self) -> float:
        """Return lines per CPU-second."""
        return self.lines / self.measurement.cpu_seconds


@dataclass(frozen=True, slots=True)
class Result:
    """The medians of all runs of one side."""

    side: str
    lines: int
    rate: float
    ratios: dict[str, float]
    """Its rate divided by a peer's rate in the same run; the median over the runs."""
    wall_seconds: float
    peak_bytes: float
    start_cpu_seconds: float
    spans_arrived: float
    complaints: tuple[str, ...]
    rates: tuple[float, ...]


def results(rounds: Sequence[Sequence[Run]], peers: Sequence[str]) -> list[Result]:
    """Return one result for each side; a round has one run of each side that did not fail."""
    names = dict.fromkeys(run.side for runs in rounds for run in runs)
    return [_result(name, rounds, peers) for name in names]


def _result(name: str, rounds: Sequence[Sequence[Run]], peers: Sequence[str]) -> Result:
    by_name = [{run.side: run for run in runs} for runs in rounds]
    mine = [runs[name] for runs in by_name if name in runs]
    ratios = {}
    for peer in peers:
        both = [(runs[name], runs[peer]) for runs in by_name if name in runs and peer in runs]
        if both:
            ratios[peer] = median(ours.rate / theirs.rate for ours, theirs in both)
    return Result(
        side=name,
        lines=mine[0].lines,
        rate=median(run.rate for run in mine),
        ratios=ratios,
        wall_seconds=median(run.measurement.wall_seconds for run in mine),
        peak_bytes=median(run.measurement.peak_bytes for run in mine),
        start_cpu_seconds=median(run.measurement.start_cpu_seconds for run in mine),
        spans_arrived=median(run.measurement.spans_arrived for run in mine),
        complaints=tuple(dict.fromkeys(complaint for run in mine for complaint in run.complaints)),
        rates=tuple(run.rate for run in mine),
    )


def speed_table(found: Sequence[Result], peers: Sequence[str]) -> str:
    """Return the table of one mix, and below it the differences between counters and log."""
    head = ["", "lines per CPU-s", *(f"x {peer}" for peer in peers), "lines", "wall s", "peak MB", "start CPU-s"]
    rows = [
        [
            result.side,
            f"{result.rate:,.0f}",
            *(f"{result.ratios[peer]:.2f}" if peer in result.ratios else "-" for peer in peers),
            f"{result.lines:,}",
            f"{result.wall_seconds:.1f}",
            f"{result.peak_bytes / MEGABYTE:.0f}",
            f"{result.start_cpu_seconds:.2f}",
        ]
        for result in found
    ]
    parts = [table([head, *rows])]
    parts += [f"{result.side}: {result.spans_arrived:,.0f} spans arrived" for result in found if result.spans_arrived]
    notes = [f"  {result.side}: {complaint}" for result in found for complaint in result.complaints]
    if notes:
        parts.append("\n".join(["Counters that differ from the log:", *notes]))
    return "\n\n".join(parts)


def memory_table(found: Sequence[tuple[Run, Run]]) -> str:
    """Return the peaks on a small and on a large log."""
    head = ["", *(f"MB, {run.lines:,} lines" for run in (found[0] if found else ())), "ratio"]
    rows = [
        [
            small.side,
            f"{small.measurement.peak_bytes / MEGABYTE:.0f}",
            f"{large.measurement.peak_bytes / MEGABYTE:.0f}",
            f"{large.measurement.peak_bytes / small.measurement.peak_bytes:.2f}",
        ]
        for small, large in found
    ]
    return table([head, *rows])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows as a Markdown table with aligned columns; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_row(row, widths) for row in (rows[0], rule, *rows[1:]))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers = zip(cells, widths, strict=True)
    aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in numbers)]
    return f"| {' | '.join(aligned)} |"


def as_json(run: Run) -> dict[str, Any]:
    """Return a run as JSON values, without its exposition."""
    measurement = run.measurement
    return {
        "side": run.side,
        "lines": run.lines,
        "lines_per_cpu_second": run.rate,
        "cpu_seconds": measurement.cpu_seconds,
        "start_cpu_seconds": measurement.start_cpu_seconds,
        "wall_seconds": measurement.wall_seconds,
        "peak_bytes": measurement.peak_bytes,
        "spans_arrived": measurement.spans_arrived,
        "complaints": list(run.complaints),
    }
