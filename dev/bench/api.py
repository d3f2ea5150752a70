"""`make bench-api`: the API against raw injection, into the same Postfix, in the same runs.

Performance is reported, not asserted: the exit status is 0 with whatever numbers, and 1 when something could not be
run. See dev/bench/README.md for what is measured and how.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dev.bench import machine, stack
from dev.bench.api_report import Run, as_json, rates_table
from dev.bench.containers import BenchError
from dev.bench.stack import Load, Service

RUNS: Final = 5
QUICK_RUNS: Final = 2
SECONDS: Final = 8
QUICK_SECONDS: Final = 3
CLIENTS: Final = (1, 20, 50)
_WARM_UP_CLIENTS: Final = 20
_WARM_UP_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Side:
    """A program that sends mails to Postfix, and the function that loads it: clients, seconds."""

    name: str
    load: Callable[[int, int], Load]
    service: Service | None = None
    """The container whose resources are measured; raw injection has none."""


def _ours(name: str, service: Service) -> Side:
    return Side(name, lambda clients, seconds: stack.wrk(service, clients, seconds), service)


RAW: Final = Side("smtp-source", lambda clients, seconds: stack.smtp_source(clients, seconds, kept=False))
OURS: Final = _ours("ours", Service.OBSERVED)
SIDES: Final = (
    RAW,
    OURS,
    Side("smtp-source, kept (-d)", lambda clients, seconds: stack.smtp_source(clients, seconds, kept=True)),
    _ours("ours, unobserved", Service.UNOBSERVED),
    _ours("ours, collector dead", Service.COLLECTOR_DEAD),
)
PEERS: Final = (RAW.name, OURS.name)


class Bench:
    """Loads the sides in turn, prints the progress, and collects the results."""

    def __init__(self, clients: Sequence[int], seconds: int) -> None:
        self._clients = clients
        self._seconds = seconds
        self.failures: list[str] = []
        self.runs: list[Run] = []
        self.found: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="minutes")}

    def prepare(self) -> None:
        """Build the images, and print the machine and the versions."""
        _say("Building the images (two minutes the first time)")
        stack.build()
        self.found["machine"] = machine.describe()
        _say(", ".join(f"{name} {value}" for name, value in self.found["machine"].items()))

    def run(self, number: int) -> None:
        """Load every side with every number of clients, on a new stack."""
        with stack.running():
            if "versions" not in self.found:
                self.found["versions"] = stack.versions()
                _say(", ".join(f"{name} {value}" for name, value in self.found["versions"].items()))
            for side in SIDES:
                self._try(side, lambda side=side: side.load(_WARM_UP_CLIENTS, _WARM_UP_SECONDS))  # type: ignore[misc]
            for clients in self._clients:
                _say(f"run {number}, {clients} clients")
                # The order changes from run to run, so that no side always runs after the same other one.
                first = number % len(SIDES)
                for side in SIDES[first:] + SIDES[:first]:
                    self._try(side, lambda side=side, clients=clients: self._measure(number, side, clients))  # type: ignore[misc]
            _say(f"  {stack.spans_arrived():,} spans arrived, {stack.left_in_queue():,} mails left in the queue")

    def report(self) -> None:
        """Print a table for each number of clients."""
        for clients in self._clients:
            runs = [run for side in SIDES for run in self.runs if (run.side, run.clients) == (side.name, clients)]
            if runs:
                numbers = len({run.number for run in runs})
                print(f"\n{clients} clients, median of {numbers} runs\n\n{rates_table(runs, PEERS)}\n", flush=True)
        self.found["runs"] = [as_json(run) for run in self.runs]

    def _measure(self, number: int, side: Side, clients: int) -> None:
        stack.left_in_queue()  # so that mail of the previous side does not count
        before = stack.usage(side.service) if side.service else None
        load = side.load(clients, self._seconds)
        after = stack.usage(side.service) if side.service else None
        cpu_seconds = after.cpu_seconds - before.cpu_seconds if before and after else None
        run = Run(number, side.name, clients, load, cpu_seconds, after.peak_bytes if after else None)
        self.runs.append(run)
        _say(f"  {side.name:<24} {run.rate:>8,.0f} mails per second")

    def _try(self, side: Side, do: Callable[[], object]) -> None:
        try:
            do()
        except BenchError as error:
            _say(f"  {error}")
            self.failures.append(f"{side.name}: {str(error).splitlines()[-1]}")


def main() -> int:
    """Run the benchmark with the given options; return 1 when a measurement failed."""
    options = _options()
    bench = Bench(options.clients, options.seconds)
    try:
        bench.prepare()
        for number in range(1, options.runs + 1):
            bench.run(number)
    except BenchError as error:
        bench.failures.append(str(error))
    bench.report()
    if options.json:
        options.json.write_text(json.dumps(bench.found | {"failures": bench.failures}, indent=2) + "\n")
    for failure in dict.fromkeys(bench.failures):
        print(f"bench: could not be run: {failure}", file=sys.stderr)
    return 1 if bench.failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure mail-api against raw injection into the same Postfix.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs of {QUICK_SECONDS} s per measurement")
    parser.add_argument("--runs", type=int, help=f"alternating runs ({RUNS})")
    parser.add_argument("--seconds", type=int, help=f"how long each side is loaded each time ({SECONDS})")
    parser.add_argument("--clients", type=_numbers, default=CLIENTS, help="how many at once (1,20,50)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there as well")
    options = parser.parse_args()
    defaults = (QUICK_RUNS, QUICK_SECONDS) if options.quick else (RUNS, SECONDS)
    for name, default in zip(("runs", "seconds"), defaults, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, default)
    if min(options.runs, options.seconds, *options.clients) < 1:
        parser.error("--runs, --seconds and --clients must be positive")
    return options


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
