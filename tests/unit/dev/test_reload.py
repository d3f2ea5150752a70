"""A service starts again when its source changes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.reload import changed, stamps
from tests.polling import until

RELOAD = Path(__file__).parents[3] / "dev/reload.py"
SERVICE = """
import pathlib, signal, sys
with pathlib.Path({told!r}).open("a") as told:
    print("{word}", *sys.argv[1:], file=told)
signal.pause()
"""


class World:
    """A folder with a service in it, and what the service told at each start."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.source.mkdir()
        self.told = folder / "told"
        self.told.touch()

    def write(self, word: str) -> None:
        """Change the service, as an editor does."""
        (self.source / "service.py").write_text(SERVICE.format(told=str(self.told), word=word))

    def wait_for(self, *lines: str) -> None:
        """Return when the service has told these lines."""
        until(f"{lines} told", lambda: tuple(self.told.read_text().splitlines()) == lines, 15)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a world in which the service runs under the reloader."""
    made = World(tmp_path)
    made.write("first")
    command = [sys.executable, str(RELOAD), "service", "run"]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(made.source)}) as process:  # noqa: S603 - the words above
        yield made
        process.terminate()
    assert process.returncode == 0


def test_restart(world: World) -> None:
    """It runs with its arguments, and again, changed, after the change; at the end it is stopped with the reloader."""
    world.wait_for("first run")
    world.write("second")
    world.wait_for("first run", "second run")


def test_repair(world: World) -> None:
    """A service that fails at its start is started again when that is mended."""
    world.wait_for("first run")
    (world.source / "service.py").write_text("a mistake")
    (world.source / "other.py").touch()
    world.write("mended")
    world.wait_for("first run", "mended run")


def test_changes(tmp_path: Path) -> None:
    """What is new, changed or gone is named; other files do not count."""
    for name in ("gone.py", "kept.py", "touched.py"):
        (tmp_path / name).touch()
    before = stamps([tmp_path])
    (tmp_path / "gone.py").unlink()
    os.utime(tmp_path / "touched.py", ns=(1, 1))
    for name in ("new.py", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in changed(before, stamps([tmp_path]))] == ["gone.py", "new.py", "touched.py"]
