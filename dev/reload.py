"""Runs a Python service and starts it again when its source changes: `python3 reload.py MODULE [ARGUMENTS]`.

It is the first process of a container of `make dev`, and watches every .py file on PYTHONPATH. Standard library only.
A service that failed is left alone until the next change, so that its last words stay the last ones.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

LOOK_SECONDS: Final = 0.5
STOP_SECONDS: Final = 10

Stamps = Mapping[Path, int]


def stamps(folders: list[Path]) -> dict[Path, int]:
    """Return when each source file below the folders was changed, in nanoseconds."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            try:
                found[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
    return found


def changed(before: Stamps, after: Stamps) -> list[Path]:
    """Return the files that are new, gone or changed, by name."""
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


class Service:
    """The service as a child process."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self._process = subprocess.Popen(command)

    def restart(self) -> None:
        """Replace the process by a new one."""
        self.stop()
        self._process = subprocess.Popen(self._command)

    def stop(self) -> None:
        """Return once the process has ended, by itself when it can."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def watch(service: Service, folders: list[Path]) -> NoReturn:
    """Restart the service after every change; a signal ends it."""
    before = stamps(folders)
    while True:
        time.sleep(LOOK_SECONDS)
        after = stamps(folders)
        if files := changed(before, after):
            print(f"reload: {', '.join(path.name for path in files[:5])} changed, starting again", flush=True)
            service.restart()
        before = after


def main(*arguments: str) -> NoReturn:
    """Run until SIGTERM or SIGINT."""
    folders = [Path(folder) for folder in os.environ["PYTHONPATH"].split(os.pathsep)]
    service = Service(sys.executable, "-m", *arguments)

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        service.stop()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    watch(service, folders)


if __name__ == "__main__":
    main(*sys.argv[1:])
