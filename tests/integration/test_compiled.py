"""The image's exporter is compiled, and has the same results as its source."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from dev.bench.maillog import Mix, write
from mail_exporter.log_line import SYSLOG_NAMES
from mail_exporter.replay import replay
from tests.integration.stack import Stack

GOLDEN = Path(__file__).resolve().parents[1] / "golden/mail.log"
NOVEMBER = 1_795_000_000
LINES = 20_000


def golden(_folder: Path) -> Path:
    """Return a log with every kind of line."""
    return GOLDEN


def realistic(folder: Path) -> Path:
    """Return a long log."""
    log = folder / "mail.log"
    write(log, Mix.REALISTIC, LINES, start=NOVEMBER)
    return log


@pytest.mark.parametrize("make", [golden, realistic])
def test_same_metrics(stack: Stack, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """A replay in the image has the same output as a replay by the source."""
    log = make(tmp_path)
    registry = CollectorRegistry()
    replay([str(log)], registry, relay="smtp.gmail.com", year=2026, syslog_names=SYSLOG_NAMES)
    container = str(stack.container("mail-exporter").id)
    done = subprocess.run(  # noqa: S603 - the words below
        [
            *("docker", "exec", "--interactive", "--env", "SMTP_RELAY_HOST=smtp.gmail.com", container),
            *("mail-exporter", "replay", "--year", "2026", "--format", "exposition", "-"),
        ],
        input=log.read_bytes(),
        capture_output=True,
        check=True,
    )
    assert generate_latest(registry).decode() == done.stdout.decode()


def test_compiled(stack: Stack) -> None:
    """The modules that process every line are compiled, and the image has no compiler."""
    modules = ("mail_exporter.pipeline", "mail_exporter.parse.delivery", "mail_telemetry.causes")
    code = f"import importlib; print(*(importlib.import_module(name).__file__ for name in {modules}))"
    paths = stack.execute("mail-exporter", "python3", "-c", code).split()
    assert [".so"] * len(modules) == [Path(path).suffix for path in paths]
    look = "import shutil; print([name for name in ('cc', 'gcc', 'mypyc', 'pip') if shutil.which(name)])"
    assert stack.execute("mail-exporter", "python3", "-c", look).strip() == "[]"
