"""Tables of the API benchmark: medians over the runs, and ratios between sides of the same run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from dev.bench.report import MEGABYTE, table
from dev.bench.stack import Load


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one side with one number of clients, in one run."""

    number: int
    side: str
    clients: int
    load: Load
    cpu_seconds: float | None = None
    """Of the API's process alone."""
    peak_bytes: int | None = None
    """Since its start, also during earlier measurements."""

    @property
    def rate(self) -> float:
        """Return mails per second."""
        return self.load.mails / self.load.seconds

    @property
    def cpu_per_mail(self) -> float | None:
        """Return CPU seconds."""
        return self.cpu_seconds / self.load.mails if self.cpu_seconds is not None and self.load.mails else None


def rates_table(runs: Sequence[Run], peers: Sequence[str]) -> str:
    """Return the table of one number of clients; ratios are medians of those within a run."""
    head = ["", "mails/s", *(f"x {peer}" for peer in peers), "p50 ms", "p99 ms", "CPU ms per mail", "peak MB"]
    rows = [_row(side, runs, peers) for side in dict.fromkeys(run.side for run in runs)]
    troubles = [f"  {run.side}, run {run.number}: {run.load.troubles}" for run in runs if run.load.troubles]
    notes = "\n".join(["Not answered with success:", *troubles]) if troubles else ""
    return "\n\n".join(filter(None, (table([head, *rows]), notes)))


def _row(side: str, runs: Sequence[Run], peers: Sequence[str]) -> list[str]:
    mine = [run for run in runs if run.side == side]
    return [
        side,
        f"{median(run.rate for run in mine):,.0f}",
        *(_text(ratio(runs, side, peer), "{:.2f}") for peer in peers),
        _text(_median(mine, lambda run: run.load.p50), "{:.0f}", _MILLI),
        _text(_median(mine, lambda run: run.load.p99), "{:.0f}", _MILLI),
        _text(_median(mine, lambda run: run.cpu_per_mail), "{:.2f}", _MILLI),
        _text(_median(mine, lambda run: run.peak_bytes), "{:.0f}", 1 / MEGABYTE),
    ]


_MILLI: Final = 1000.0


def ratio(runs: Sequence[Run], side: str, peer: str) -> float | None:
    """Return the median of a side's rate by its peer's in the same run, or None when no run has both."""
    rates = {(run.number, run.side): run.rate for run in runs}
    numbers = dict.fromkeys(run.number for run in runs)
    found = [rates[number, side] / rates[number, peer] for number in numbers if rates.get((number, peer))]
    return median(found) if found else None


def _median(runs: Iterable[Run], number: Callable[[Run], float | None]) -> float | None:
    found = [value for run in runs if (value := number(run)) is not None]
    return median(found) if found else None


def _text(number: float | None, form: str, factor: float = 1.0) -> str:
    return "-" if number is None else form.format(number * factor)


def as_json(run: Run) -> dict[str, Any]:
    """Return a run as JSON values."""
    return {
        "run": run.number,
        "side": run.side,
        "clients": run.clients,
        "mails": run.load.mails,
        "seconds": run.load.seconds,
        "mails_per_second": run.rate,
        "p50_seconds": run.load.p50,
        "p99_seconds": run.load.p99,
        "cpu_seconds_per_mail": run.cpu_per_mail,
        "peak_bytes": run.peak_bytes,
        "troubles": run.load.troubles,
    }
