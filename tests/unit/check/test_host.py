"""Host checks: the clock, and free space of the volumes."""

import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_check.checks import host
from mail_check.checks.host import FreeSpace
from mail_check.results import CheckStatus


@pytest.mark.parametrize(
    ("synchronized", "offset", "status", "words"),
    [
        pytest.param(True, 0.01, CheckStatus.OK, "a time service synchronizes it", id="synchronized"),
        pytest.param(None, -0.01, CheckStatus.OK, "0.0 s ahead", id="right"),
        pytest.param(False, 0.01, CheckStatus.WARNING, "no time service synchronizes it", id="right, not synchronized"),
        pytest.param(True, 5.0, CheckStatus.WARNING, "5.0 s behind", id="some seconds"),
        pytest.param(True, -61.0, CheckStatus.FAILED, "61.0 s ahead", id="more than a minute"),
        pytest.param(True, None, CheckStatus.OK, "no answer", id="synchronized, no answer"),
        pytest.param(False, None, CheckStatus.UNKNOWN, "no answer", id="not synchronized, no answer"),
        pytest.param(None, None, CheckStatus.UNKNOWN, "no answer", id="not known, no answer"),
    ],
)
def test_clock(synchronized: bool | None, offset: float | None, status: CheckStatus, words: str) -> None:  # noqa: FBT001 - the table's column
    """A minute off fails, seconds are a warning, and a synchronized clock needs no time server."""
    found = host.clock_result(offset, "" if offset else "no answer", synchronized=synchronized)
    assert status == found.status, found
    assert words in found.message


def test_time_server() -> None:
    """The offset of a server that is a hundred seconds ahead is measured."""
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
        offset = host.ntp_offset("127.0.0.1", 5, server.getsockname()[1])
        thread.join()
    assert abs(offset - 100) < 1


def test_no_time_server() -> None:
    """A server that does not answer raises OSError."""
    with pytest.raises(OSError, match="refused"):
        host.ntp_offset("127.0.0.1", 1, 1)


@given(st.binary(max_size=60))
def test_any_packet(packet: bytes) -> None:
    """Any reply is either a time or raises OSError."""
    try:
        offset = host.read_offset(packet, 0, 0)
    except OSError:
        return
    assert -2_208_988_800 < offset < 2**32


@pytest.mark.parametrize(
    ("space", "status", "words"),
    [
        pytest.param(FreeSpace(50e9, 100e9, 0.9), CheckStatus.OK, "50.0 GB of 100.0 GB free", id="enough"),
        pytest.param(FreeSpace(14e9, 100e9, 0.9), CheckStatus.WARNING, "14.0 GB", id="below 15 %"),
        pytest.param(FreeSpace(50e9, 100e9, 0.01), CheckStatus.WARNING, "1% of its inodes", id="few inodes"),
        pytest.param(FreeSpace(249e6, 300e6, 0.9), CheckStatus.FAILED, "249.0 MB of 300.0 MB", id="full"),
    ],
)
def test_disk(space: FreeSpace, status: CheckStatus, words: str) -> None:
    """Little free space is a warning, and almost none a failure."""
    found = host.disk_result(space)
    assert status == found.status, found
    assert words in found.message


def test_real_disk(tmp_path: Path) -> None:
    """The free space of a folder is read; a path that does not exist is unknown."""
    assert host.free_space(tmp_path).total > 0
    assert host.check_disk(tmp_path / "none").status is CheckStatus.UNKNOWN
