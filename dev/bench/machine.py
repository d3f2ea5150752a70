"""Description of the machine on which a benchmark ran."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]


def describe() -> dict[str, str | int]:
    """Return the processor, its cores, the kernel, the load before the first run, and the commit."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load": f"{os.getloadavg()[0]:.1f}",
        "commit": _commit(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _commit() -> str:
    command = ("git", "describe", "--always", "--dirty", "--abbrev=7")
    try:
        done = subprocess.run(command, cwd=_ROOT, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
