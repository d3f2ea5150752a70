"""The clock: who keeps it, and how far it is off. TLS, the relay's 24 hours and every trace depend on it."""

import ctypes
import socket
import struct
import time
from typing import Final

from mail_check.finding import Verdict, failed, ok, unknown, warning
from mail_check.reason import reason

BREAKS_SECONDS: Final = 60.0
"""Beyond it certificates may seem not yet valid, and the quota's window and Gmail's are apart."""
_OFF_SECONDS: Final = 2.0
_PORT: Final = 123
_SECONDS_FROM_1900: Final = 2_208_988_800
_CLIENT: Final = 0x23
"""Leap 0, version 4, mode 3 (RFC 5905 section 7.3)."""
_REPLY: Final = struct.Struct("!B39xII")
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 512  # struct timex has 208; all zero asks and sets nothing
_FIX: Final = "Let the host keep its clock: timedatectl set-ntp true, or install chrony."


def kernel_keeps_time() -> bool | None:
    """Tell whether a time service keeps the kernel's clock (adjtimex(2)); None where the kernel does not say."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def ask_offset(server: str, timeout: float, port: int = _PORT) -> float:
    """Return how many seconds the server's clock is ahead of ours (RFC 4330).

    Raises:
        OSError: it did not answer, or with no time.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout)
        asking.connect((server, port))
        sent = time.time()
        asking.send(bytes([_CLIENT]) + bytes(47))
        reply = asking.recv(512)
        received = time.time()
    return read_offset(reply, sent, received)


def read_offset(reply: bytes, sent: float, received: float) -> float:
    """Return the offset that a server's packet tells; times are Unix seconds.

    Raises:
        OSError: the packet tells no time.
    """
    if len(reply) < _REPLY.size:
        raise OSError("the answer is no time")
    _, seconds, fraction = _REPLY.unpack(reply[: _REPLY.size])
    if not seconds:
        raise OSError("the time server does not know the time itself")
    return float(seconds - _SECONDS_FROM_1900 + fraction / 2**32 - (sent + received) / 2)


def look(server: str, timeout: float) -> Verdict:
    """Judge this machine's clock."""
    try:
        offset, problem = ask_offset(server, timeout), ""
    except OSError as error:
        offset, problem = None, f"{server} could not be asked ({reason(error)})"
    return verdict(kernel_keeps_time(), offset, problem)


def verdict(kept: bool | None, offset: float | None, problem: str) -> Verdict:  # noqa: FBT001 - the kernel's word
    """Judge the clock.

    Args:
        kept: whether the kernel says that a time service keeps it; None when it does not say.
        offset: how many seconds a time server is ahead; None when none could be asked.
        problem: why none could be asked.
    """
    if offset is None:
        if kept:
            return ok(f"a time service keeps it; {problem}")
        return unknown(f"{problem}, and no time service keeps the clock", f"{_FIX} NTP_SERVER names whom to ask.")
    told = f"{abs(offset):.1f} s {'behind' if offset > 0 else 'ahead'}"
    if abs(offset) > BREAKS_SECONDS:
        return failed(f"it is {told}: TLS and the relay's limit go wrong", _FIX)
    if abs(offset) > _OFF_SECONDS or kept is False:
        return warning(f"it is {told}{'' if kept else ', and no time service keeps it'}", _FIX)
    return ok(f"it is {told}{', and a time service keeps it' if kept else ''}")
