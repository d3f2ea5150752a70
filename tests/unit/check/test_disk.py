"""Room on the volumes."""

from pathlib import Path

import pytest

from mail_check import disk
from mail_check.disk import Room
from mail_check.finding import Status


@pytest.mark.parametrize(
    ("room", "status", "words"),
    [
        pytest.param(Room(50e9, 100e9, 0.9), Status.OK, "50.0 GB of 100.0 GB free", id="room"),
        pytest.param(Room(14e9, 100e9, 0.9), Status.WARNING, "14.0 GB", id="below 15 %"),
        pytest.param(Room(50e9, 100e9, 0.01), Status.WARNING, "1% of its inodes", id="few inodes"),
        pytest.param(Room(249e6, 300e6, 0.9), Status.FAILED, "249.0 MB of 300.0 MB", id="full"),
    ],
)
def test_verdicts(room: Room, status: Status, words: str) -> None:
    """Little room is a warning, and next to none a failure."""
    found = disk.verdict(room)
    assert status == found.status, found
    assert words in found.message


def test_real_disk(tmp_path: Path) -> None:
    """A folder's file system has room; one that is not there can't be looked at."""
    assert disk.room_at(tmp_path).total > 0
    assert disk.look(tmp_path / "none").status is Status.UNKNOWN
