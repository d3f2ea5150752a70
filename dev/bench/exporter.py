"""`make bench-exporter`: our exporter and others on the same logs, in the same runs.

Performance is reported, not asserted: the exit status is 0 with whatever numbers, and 1 when something could not be
run. See dev/bench/README.md for what is measured and how.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dev.bench import containers, machine, report
from dev.bench.containers import BenchError
from dev.bench.exporters import MEMORY, PEERS, SPEED, Side
from dev.bench.maillog import Contents, Mix, write
from dev.bench.report import Run

LINES: Final = 1_200_000
QUICK_LINES: Final = 200_000
RUNS: Final = 5
QUICK_RUNS: Final = 3
SMALL_LINES: Final = 100_000
LARGE_LINES: Final = 5_000_000
_LINE_BYTES: Final = 160
_LOG_AGE_SECONDS: Final = 60 * 86_400
"""How long ago a log begins: it must end in the past, because time stamps have no year."""


class Bench:
    """Runs the exporters on logs in a temporary folder, prints the progress, and collects the results."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._start = time.time() // 86_400 * 86_400 - _LOG_AGE_SECONDS
        self.failures: list[str] = []
        self.found: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="minutes")}

    def prepare(self) -> None:
        """Build the images, and print the machine and the versions."""
        _say("Building the images (a minute the first time)")
        containers.build()
        self.found["machine"], self.found["versions"] = machine.describe(), containers.versions()
        _say(
            ", ".join(f"{name} {value}" for part in ("machine", "versions") for name, value in self.found[part].items())
        )

    def speed(self, mix: Mix, lines: int, runs: int) -> None:
        """Measure each exporter on a mix, and print the table."""
        with self._log(mix, lines) as whole, self._log(mix, lines // 5) as part:
            rounds = []
            for number in range(1, runs + 1):
                _say(f"{mix}: run {number} of {runs}")
                logs = ((side, whole if side.share == 1 else part) for side in SPEED)
                done = (self._run(side, *log) for side, log in logs)
                rounds.append([run for run in done if run is not None])
        results = report.results(rounds, PEERS)
        contents = whole[1]
        title = f"{mix}: {lines:,} lines, {contents.size / report.MEGABYTE:.0f} MB, median of {runs} runs"
        print(f"\n{title}\n\n{report.speed_table(results, PEERS)}\n", flush=True)
        self.found[f"speed, {mix}"] = {
            "log": {"lines": lines, "bytes": contents.size, "kinds": dict(contents.kinds)},
            "medians": [asdict(result) for result in results],
            "runs": [[report.as_json(run) for run in runs] for runs in rounds],
        }

    def memory(self, small: int, large: int) -> None:
        """Print the peak memory on a small and on a large log."""
        peaks: dict[str, list[Run]] = {}
        for lines in (small, large):
            with self._log(Mix.REALISTIC, lines) as log:
                for side in MEMORY:
                    _say(f"memory: {side.name}, {lines:,} lines")
                    if run := self._run(side, *log):
                        peaks.setdefault(side.name, []).append(run)
        pairs = [(runs[0], runs[1]) for runs in peaks.values() if len(runs) == len((small, large))]
        if pairs:
            print(f"\npeak memory, {Mix.REALISTIC}\n\n{report.memory_table(pairs)}\n", flush=True)
        self.found["memory"] = [report.as_json(run) for runs in peaks.values() for run in runs]

    def _run(self, side: Side, log: Path, contents: Contents) -> Run | None:
        try:
            measurement = containers.measure(side, log, contents.lines)
        except BenchError as error:
            _say(f"  {error}")
            self.failures.append(f"{side.name}: {str(error).splitlines()[-1]}")
            return None
        complaints = side.complaints(measurement.output, contents)
        run = Run(side.name, contents.lines, measurement, tuple(complaints))
        _say(f"  {side.name:<36} {run.rate:>10,.0f} lines per CPU-second")
        return run

    @contextmanager
    def _log(self, mix: Mix, lines: int) -> Iterator[tuple[Path, Contents]]:
        """Provide a log of that many lines during the context."""
        free = shutil.disk_usage(self._folder).free
        # Once here, and once in the container of an exporter that follows a file.
        if free < 3 * lines * _LINE_BYTES:
            raise BenchError(f"{self._folder} has {free:,} bytes free, too few for {lines:,} lines; set TMPDIR")
        path = self._folder / f"{mix}-{lines}.log"
        contents = write(path, mix, lines, start=self._start)
        try:
            yield path, contents
        finally:
            path.unlink()


def main() -> int:
    """Run the benchmark with the given options; return 1 when a measurement failed."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-exporter-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the containers' users read it
        bench = Bench(folder)
        try:
            bench.prepare()
            for mix in Mix if options.mix == "both" else (Mix(options.mix),):
                bench.speed(mix, options.lines, options.runs)
            if options.memory_lines:
                bench.memory(min(SMALL_LINES, options.memory_lines), options.memory_lines)
        except BenchError as error:
            bench.failures.append(str(error))
    if options.json:
        options.json.write_text(json.dumps(bench.found | {"failures": bench.failures}, indent=2) + "\n")
    for failure in dict.fromkeys(bench.failures):
        print(f"bench: could not be run: {failure}", file=sys.stderr)
    return 1 if bench.failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure mail-exporter against its peers.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_LINES:,} lines, {QUICK_RUNS} runs, no memory run")
    parser.add_argument("--lines", type=int, help=f"lines of each log ({LINES:,})")
    parser.add_argument("--runs", type=int, help=f"alternating runs ({RUNS})")
    parser.add_argument("--mix", choices=[*Mix, "both"], default="both")
    parser.add_argument("--memory-lines", type=int, help=f"lines of the memory run, 0 for none ({LARGE_LINES:,})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there as well")
    options = parser.parse_args()
    defaults = (QUICK_LINES, QUICK_RUNS, 0) if options.quick else (LINES, RUNS, LARGE_LINES)
    for name, default in zip(("lines", "runs", "memory_lines"), defaults, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, default)
    if options.lines < SPEED[-1].share or options.runs < 1:
        parser.error("--lines and --runs must be positive")
    return options


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
