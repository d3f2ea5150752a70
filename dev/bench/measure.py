"""Runs one exporter on one log and prints its CPU time and peak memory as JSON. Standard library only.

It runs beside the measured process, in the same container, and measures every exporter in the same way: CPU seconds
(user and system) are those of wait4(2), the largest resident set is proc_pid_status(5)'s VmHWM. What the process used
before the first line is subtracted:

    follow   it follows an empty file; once it serves its metrics the log is appended, and it has read everything when
             its own counters add up to the log's lines
    whole    it reads the log and ends; what an empty log takes is subtracted

With --sink an OTLP receiver runs beside it and counts the spans that arrive.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shutil import copyfileobj
from typing import Final, Self

LOG: Final = "{log}"
"""Placeholder for the log's path in a command."""
_TICK_SECONDS: Final = 1 / os.sysconf("SC_CLK_TCK")
_START_SECONDS: Final = 30.0
_STANDSTILL_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 0.02
_PEAK: Final = re.compile(r"^VmHWM:\s+(?P<kilobytes>\d+) kB", re.MULTILINE)
_SAMPLE: Final = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{.*\})? (?P<value>\S+)", re.MULTILINE)


class MeasureError(Exception):
    """The exporter could not be measured; the message contains the end of its output."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The resources of one run, and the exporter's output."""

    cpu_seconds: float
    """From the first line on."""
    start_cpu_seconds: float
    """Before it."""
    wall_seconds: float
    peak_bytes: int
    output: str
    """Its exposition, or what it printed."""
    spans_arrived: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """How to find out that a program has read the whole log."""

    url: str
    """The URL of its metrics."""
    counters: frozenset[str]
    """The counters that add up to the lines it has read."""
    lines: int

    def reached(self, exposition: str) -> float:
        """Return how many lines the exposition has counted."""
        samples = _SAMPLE.finditer(exposition)
        return sum(float(found["value"]) for found in samples if found["name"] in self.counters)


class Running:
    """A process whose resources are measured; the context manager kills it at the end.

    Standard output and error go to files in `folder`; `sleep` is called between two readings of its memory.
    """

    def __init__(self, command: Sequence[str], folder: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self._begin = time.monotonic()
        self._start_cpu = 0.0
        self._peak_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()

    def begin(self) -> None:
        """Begin the measurement."""
        self._begin, self._start_cpu = time.monotonic(), self._cpu_seconds()

    def alive(self) -> None:
        """Check that it runs.

        Raises:
            MeasureError: it has ended.
        """
        if self._ended():
            raise MeasureError(f"{self._process.args!r} ended early: {self._tail()}")

    def printed(self) -> str:
        """Return what it has written to standard output so far."""
        return self._out.read_text(errors="replace")

    def stop(self) -> None:
        """Terminate it."""
        self._look_at_memory()
        self._process.terminate()

    def measured(self, output: str | None = None, wall_seconds: float | None = None) -> Measurement:
        """Wait for its end and return the measurement; `output` defaults to what it printed.

        Raises:
            MeasureError: it ended by itself with an error.
        """
        while not self._ended():
            self._look_at_memory()
            self._sleep(_LOOK_SECONDS)
        _, status, usage = os.wait4(self._process.pid, 0)
        wall = time.monotonic() - self._begin if wall_seconds is None else wall_seconds
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode > 0 and output is None:
            raise MeasureError(f"{self._process.args!r} ended with {self._process.returncode}: {self._tail()}")
        return Measurement(
            cpu_seconds=usage.ru_utime + usage.ru_stime - self._start_cpu,
            start_cpu_seconds=self._start_cpu,
            wall_seconds=wall,
            peak_bytes=self._peak_bytes,
            output=self.printed() if output is None else output,
        )

    def _ended(self) -> bool:
        # Not poll(): it would consume the exit status, and wait4 would return no resources.
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _look_at_memory(self) -> None:
        # Not wait4's maxrss, which starts with the parent's memory at the fork. A zombie has no VmHWM.
        found = _PEAK.search(Path(f"/proc/{self._process.pid}/status").read_text())
        if found:
            self._peak_bytes = int(found["kilobytes"]) * 1024

    def _cpu_seconds(self) -> float:
        # proc_pid_stat(5): fields 14 and 15, counted behind the name, which can contain spaces.
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS

    def _tail(self) -> str:
        return self._err.read_text(errors="replace")[-2000:].strip() or "no output on stderr"


def whole(
    command: Sequence[str], folder: Path, log: Path, empty: Path, sleep: Callable[[float], None] = time.sleep
) -> Measurement:
    """Measure a program that reads a log and ends, minus what it uses for an empty log."""
    with Running(_filled(command, empty), folder, sleep) as process:
        start = process.measured()
    with Running(_filled(command, log), folder, sleep) as process:
        measured = process.measured()
    return replace(
        measured,
        cpu_seconds=measured.cpu_seconds - start.cpu_seconds,
        start_cpu_seconds=start.cpu_seconds,
        wall_seconds=measured.wall_seconds - start.wall_seconds,
    )


def follow(command: Sequence[str], folder: Path, log: Path, followed: Path, count: Count) -> Measurement:
    """Measure a program that follows a file, until it has counted every line that is appended to it.

    Raises:
        MeasureError: it did not serve, or stopped before it had read everything.
    """
    with Running(_filled(command, followed), folder) as process:
        _until_served(process, count.url)
        process.begin()
        begin = time.monotonic()
        with log.open("rb") as source, followed.open("ab") as target:
            copyfileobj(source, target, 1 << 20)
        _until_counted(process, count)
        wall = time.monotonic() - begin
        # Not the answer that had every line: its other counters may have been read before the last lines.
        exposition = _get(count.url)
        process.stop()
        return process.measured(exposition, wall)


def _until_served(process: Running, url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        process.alive()
        try:
            _get(url)
        except OSError:
            time.sleep(_POLL_SECONDS)
        else:
            return
    raise MeasureError(f"{url} did not answer within {_START_SECONDS:g} s")


def _until_counted(process: Running, count: Count) -> None:
    reached, since = -1.0, time.monotonic()
    while True:
        time.sleep(_POLL_SECONDS)
        process.alive()
        exposition = _get(count.url)
        now = count.reached(exposition)
        if now >= count.lines:
            return
        if now > reached:
            reached, since = now, time.monotonic()
        elif time.monotonic() - since > _STANDSTILL_SECONDS:
            raise MeasureError(f"stands still at {reached:.0f} of {count.lines} lines")


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the measured exporter's own address
        text: str = answer.read().decode()
        return text


def _filled(command: Sequence[str], log: Path) -> list[str]:
    return [word.replace(LOG, str(log)) for word in command]


def measured(options: argparse.Namespace, folder: Path) -> Measurement:
    """Measure with the given options."""
    empty = folder / "mail.log"
    empty.touch()
    command: list[str] = options.command
    if options.manner == "whole":
        return whole(command, folder, options.log, empty)
    count = Count(options.url, frozenset(options.counters.split(",")), options.lines)
    return follow(command, folder, options.log, empty, count)


def main() -> int:
    """Measure and print the measurement as JSON."""
    parser = argparse.ArgumentParser(description="Measure one exporter on one log.")
    parser.add_argument("manner", choices=("follow", "whole"))
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--url", default="", help="follow: where its metrics are")
    parser.add_argument(
        "--counters", default="", help="follow: the counters that add up to the lines it read, by comma"
    )
    parser.add_argument("--lines", type=int, default=0, help="follow: how many lines the log has")
    parser.add_argument("--sink", type=int, default=0, metavar="PORT", help="receive spans there")
    parser.add_argument("command", nargs="+", help=f"{LOG} stands for the log")
    options = parser.parse_args()
    sink = Path(__file__).with_name("sink.py")
    beside = subprocess.Popen([sys.executable, sink, str(options.sink)]) if options.sink else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            measurement = measured(options, Path(folder))
        if beside is not None:
            spans = int(_get(f"http://127.0.0.1:{options.sink}/"))
            measurement = replace(measurement, spans_arrived=spans)
    except (MeasureError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if beside is not None:
            beside.terminate()
    print(json.dumps(asdict(measurement)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
