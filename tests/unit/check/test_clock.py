"""The clock, by the kernel and by a time server."""

import socket
import struct
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_check import clock
from mail_check.finding import Status


@pytest.mark.parametrize(
    ("kept", "offset", "status", "words"),
    [
        pytest.param(True, 0.01, Status.OK, "a time service keeps it", id="kept"),
        pytest.param(None, -0.01, Status.OK, "0.0 s ahead", id="right"),
        pytest.param(False, 0.01, Status.WARNING, "no time service keeps it", id="right, and nobody keeps it"),
        pytest.param(True, 5.0, Status.WARNING, "5.0 s behind", id="some seconds"),
        pytest.param(True, -61.0, Status.FAILED, "61.0 s ahead", id="more than a minute"),
        pytest.param(True, None, Status.OK, "nobody answers", id="kept, nobody to ask"),
        pytest.param(False, None, Status.UNKNOWN, "nobody answers", id="not kept, nobody to ask"),
        pytest.param(None, None, Status.UNKNOWN, "nobody answers", id="nothing known"),
    ],
)
def test_verdicts(kept: bool | None, offset: float | None, status: Status, words: str) -> None:  # noqa: FBT001 - the table's column
    """A minute off breaks things, seconds are a warning, and a kept clock needs no second opinion."""
    found = clock.verdict(kept, offset, "" if offset else "nobody answers")
    assert status == found.status, found
    assert words in found.message


def test_time_server() -> None:
    """A server's clock that is a hundred seconds ahead is told so."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def answer() -> None:
            _, asking = server.recvfrom(512)
            seconds = time.time() + 100 + 2_208_988_800
            reply = struct.pack("!B39xII", 0x24, int(seconds), int(seconds % 1 * 2**32))
            server.sendto(reply, asking)

        thread = threading.Thread(target=answer)
        thread.start()
        offset = clock.ask_offset("127.0.0.1", 5, server.getsockname()[1])
        thread.join()
    assert abs(offset - 100) < 1


def test_nobody_keeps_time() -> None:
    """A server that does not answer could not be asked."""
    with pytest.raises(OSError, match="refused"):
        clock.ask_offset("127.0.0.1", 1, 1)


@given(st.binary(max_size=60))
def test_any_packet(packet: bytes) -> None:
    """Whatever comes back is a time, or told to be none."""
    try:
        offset = clock.read_offset(packet, 0, 0)
    except OSError:
        return
    assert -2_208_988_800 < offset < 2**32
