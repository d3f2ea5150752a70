"""Check the host's clock and the free space of the volumes."""

import ctypes
import os
import socket
import struct
import time
from pathlib import Path
from typing import Final, NamedTuple

from mail_check.results import Result, error_text, failed, ok, unknown, warning

CLOCK_FAILED_SECONDS: Final = 60.0
"""Beyond it certificates may seem not yet valid, and the quota's window differs from Gmail's."""
_CLOCK_WARNING_SECONDS: Final = 2.0
_NTP_PORT: Final = 123
_SECONDS_FROM_1900: Final = 2_208_988_800
_NTP_CLIENT: Final = 0x23
"""Leap 0, version 4, mode 3 (RFC 5905 section 7.3)."""
_NTP_REPLY: Final = struct.Struct("!B39xII")
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 512  # struct timex has 208; all zero reads the state and sets nothing
_CLOCK_FIX: Final = "Synchronize the host's clock: timedatectl set-ntp true, or install chrony."

FULL_BYTES: Final = 250e6
FILLING: Final = 0.15
"""Limits of the alerts MailVolumeFull and MailVolumeFilling; a contract test compares."""
_FEW_INODES: Final = 0.05
_DISK_FIX: Final = "Make room: `docker system df` and `df -h` show what uses it."
_UNITS: Final = (("GB", 1e9), ("MB", 1e6))


# Clock


def check_clock(server: str, timeout: float) -> Result:
    """Check this machine's clock by the kernel's state and by a time server."""
    try:
        offset, problem = ntp_offset(server, timeout), ""
    except OSError as error:
        offset, problem = None, f"the time server {server} did not answer ({error_text(error)})"
    return clock_result(offset, problem, synchronized=kernel_is_synchronized())


def kernel_is_synchronized() -> bool | None:
    """Return whether a time service synchronizes the kernel's clock (adjtimex(2)); None where that is not known."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def ntp_offset(server: str, timeout: float, port: int = _NTP_PORT) -> float:
    """Return how many seconds the server's clock is ahead of ours (RFC 4330).

    Raises:
        OSError: there was no answer, or one without a time.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((server, port))
        sent = time.time()
        client.send(bytes([_NTP_CLIENT]) + bytes(47))
        reply = client.recv(512)
        received = time.time()
    return read_offset(reply, sent, received)


def read_offset(reply: bytes, sent: float, received: float) -> float:
    """Return the offset in a time server's packet; the times are Unix seconds.

    Raises:
        OSError: the packet contains no time.
    """
    if len(reply) < _NTP_REPLY.size:
        raise OSError("the reply is too short")
    _, seconds, fraction = _NTP_REPLY.unpack(reply[: _NTP_REPLY.size])
    if not seconds:
        raise OSError("the reply contains no time: the server is not synchronized")
    return float(seconds - _SECONDS_FROM_1900 + fraction / 2**32 - (sent + received) / 2)


def clock_result(offset: float | None, problem: str, *, synchronized: bool | None) -> Result:
    """Return the result for a clock.

    Args:
        offset: how many seconds a time server is ahead; None when there was no answer.
        problem: why there was no answer.
        synchronized: whether a time service synchronizes the clock; None when that is not known.
    """
    if offset is None:
        if synchronized:
            return ok(f"a time service synchronizes it; {problem}")
        return unknown(f"{problem}, and no time service synchronizes the clock", f"{_CLOCK_FIX} Or set NTP_SERVER.")
    difference = f"{abs(offset):.1f} s {'behind' if offset > 0 else 'ahead'}"
    if abs(offset) > CLOCK_FAILED_SECONDS:
        return failed(f"it is {difference}: TLS fails, and the relay's limit is counted wrongly", _CLOCK_FIX)
    if abs(offset) > _CLOCK_WARNING_SECONDS or synchronized is False:
        return warning(
            f"it is {difference}{'' if synchronized else ', and no time service synchronizes it'}", _CLOCK_FIX
        )
    return ok(f"it is {difference}{', and a time service synchronizes it' if synchronized else ''}")


# Disk


class FreeSpace(NamedTuple):
    """Free and total bytes of a file system. `inodes` is the free share of its inodes; 1 where it has no limit."""

    free: float
    total: float
    inodes: float


def check_disk(path: Path) -> Result:
    """Check the free space of the volume at a path."""
    try:
        return disk_result(free_space(path))
    except OSError as error:
        return unknown(f"{path}: {error_text(error)}", "Run `make check` on the host: it mounts the volumes.")


def free_space(path: Path) -> FreeSpace:
    """Return the free space of the file system at a path.

    Raises:
        OSError: the path does not exist.
    """
    found = os.statvfs(path)
    inodes = found.f_favail / found.f_files if found.f_files else 1.0
    return FreeSpace(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, inodes)


def disk_result(space: FreeSpace) -> Result:
    """Return the result for a volume's free space."""
    free = f"{_size(space.free)} of {_size(space.total)} free"
    if space.free < FULL_BYTES:
        return failed(f"{free}: Postfix rejects mail when a few of the largest no longer fit", _DISK_FIX)
    if space.inodes < _FEW_INODES:
        return warning(f"{free}, but only {space.inodes:.0%} of its inodes", _DISK_FIX)
    if space.free < FILLING * space.total:
        return warning(free, _DISK_FIX)
    return ok(free)


def _size(number: float) -> str:
    unit, divisor = next((one for one in _UNITS if number >= one[1]), _UNITS[-1])
    return f"{number / divisor:.1f} {unit}"
