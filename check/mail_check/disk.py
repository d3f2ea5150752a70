"""Room on the volumes, by the limits of the alerts (MailVolumeFilling, MailVolumeFull)."""

import os
from pathlib import Path
from typing import Final, NamedTuple

from mail_check.finding import Verdict, failed, ok, unknown, warning
from mail_check.reason import reason

FULL_BYTES: Final = 250e6
FILLING: Final = 0.15
_FEW_FILES: Final = 0.05
_FIX: Final = "Make room: `docker system df` and `df -h` show who takes it."
_UNITS: Final = (("GB", 1e9), ("MB", 1e6))


class Room(NamedTuple):
    """What a file system has left. `files` is the free share of its inodes; 1 where it counts none."""

    free: float
    total: float
    files: float


def room_at(path: Path) -> Room:
    """Return the room of the file system that a path lies on.

    Raises:
        OSError: the path is not there.
    """
    found = os.statvfs(path)
    files = found.f_favail / found.f_files if found.f_files else 1.0
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, files)


def look(path: Path) -> Verdict:
    """Judge the room of a volume."""
    try:
        return verdict(room_at(path))
    except OSError as error:
        return unknown(f"{path}: {reason(error)}", "`make check` mounts the volumes; other containers may not.")


def verdict(room: Room) -> Verdict:
    """Judge the room that is left."""
    told = f"{_size(room.free)} of {_size(room.total)} free"
    if room.free < FULL_BYTES:
        return failed(f"{told}: Postfix refuses mail when a few of the largest no longer fit", _FIX)
    if room.files < _FEW_FILES:
        return warning(f"{told}, but only {room.files:.0%} of its inodes", _FIX)
    if room.free < FILLING * room.total:
        return warning(told, _FIX)
    return ok(told)


def _size(number: float) -> str:
    unit, divisor = next((one for one in _UNITS if number >= one[1]), _UNITS[-1])
    return f"{number / divisor:.1f} {unit}"
