"""Measurement of CPU time and memory, with small real processes."""

import socket
import sys
import time
from pathlib import Path

import pytest

from dev.bench.measure import LOG, Count, MeasureError, follow, whole

pytestmark = pytest.mark.slow

BURN = "import time; end = time.process_time() + {}\nwhile time.process_time() < end: pass"
FOLLOWER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        lines = open(sys.argv[1]).read().count("\\n")
        body = f'# HELP\\nlines_total{{kind="a"}} {lines - 1}\\nlines_total{{kind="b"}} 1\\nother_total 7\\n'.encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
server.serve_forever()
"""


def python(code: str, *arguments: str) -> list[str]:
    """Return the command that runs the code."""
    return [sys.executable, "-c", code, *arguments]


def free_port() -> int:
    """Return a closed port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of three lines."""
    path = tmp_path / "input.log"
    path.write_text("a\nb\nc\n")
    return path


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Return an empty file."""
    path = tmp_path / "empty.log"
    path.touch()
    return path


class Handshake:
    """Makes a program keep its memory until that was measured, on a machine of any speed.

    With a log, the program creates `held` and waits for `read`. `sleep` is called after each measurement: between its
    first two calls after `held` was created is a complete measurement.
    """

    def __init__(self, folder: Path) -> None:
        self.held, self.read = folder / "held", folder / "read"
        self._calls = 0

    def code(self, megabytes: int) -> str:
        """Return the program, which takes the log's path."""
        return f"""
import pathlib, sys, time
if pathlib.Path(sys.argv[1]).read_text():
    memory = b"x" * ({megabytes} << 20)
    pathlib.Path({str(self.held)!r}).touch()
    while not pathlib.Path({str(self.read)!r}).exists():
        time.sleep(0.01)
    del memory
"""

    def sleep(self, seconds: float) -> None:
        """Sleep, and let the program continue once its memory was measured."""
        self._calls += self.held.exists()
        if self._calls > 1:
            self.read.touch()
        time.sleep(seconds)


@pytest.mark.parametrize("megabytes", [30, 90], ids=str)
def test_peak_is_the_programs_own(megabytes: int, tmp_path: Path, log: Path, empty: Path) -> None:
    """The peak is that of the program alone, also if it frees the memory before it exits."""
    handshake = Handshake(tmp_path)
    measured = whole(python(handshake.code(megabytes), LOG), tmp_path, log, empty, handshake.sleep)
    assert megabytes << 20 < measured.peak_bytes < megabytes + 20 << 20


def test_whole_subtracts_an_empty_log(tmp_path: Path, log: Path, empty: Path) -> None:
    """The start-up time is measured with an empty log, and subtracted."""
    code = f"import sys; lines = open(sys.argv[1]).readlines()\nif lines: exec({BURN.format(0.3)!r})"
    measured = whole(python(f"{code}\nprint(len(lines))", LOG), tmp_path, log, empty)
    assert "3\n" == measured.output
    assert 0.2 <= measured.cpu_seconds <= 0.4


def test_whole_fails_with_the_program(tmp_path: Path, log: Path, empty: Path) -> None:
    """A program that exits with an error raises MeasureError."""
    with pytest.raises(MeasureError, match="ended with 1: broken"):
        whole(python("raise SystemExit('broken')"), tmp_path, log, empty)


def test_follow_ends_when_every_line_is_counted(tmp_path: Path, log: Path, empty: Path) -> None:
    """Only the named counters count, summed over their labels; the log is appended to the followed file."""
    port = free_port()
    count = Count(f"http://127.0.0.1:{port}/", frozenset({"lines_total"}), 3)
    measured = follow(python(FOLLOWER, LOG, str(port)), tmp_path, log, empty, count)
    assert 'lines_total{kind="a"} 2\n' in measured.output
    assert log.read_text() == empty.read_text()


def test_follow_fails_with_the_program(tmp_path: Path, log: Path, empty: Path) -> None:
    """A program that exits before it listens raises MeasureError at once."""
    count = Count(f"http://127.0.0.1:{free_port()}/", frozenset({"lines_total"}), 3)
    with pytest.raises(MeasureError, match="ended early: no licence"):
        follow(python("raise SystemExit('no licence')"), tmp_path, log, empty, count)
