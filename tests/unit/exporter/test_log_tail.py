"""Following a log through rotation, compression and restarts."""

import gzip
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from mail_exporter.log_tail import LogTail, log_files
from mail_ledger import LogPosition


class Follow(Protocol):
    """Factory of tails that are closed after the test."""

    def __call__(self, position: LogPosition | None = None) -> LogTail:
        """Return a tail that begins at the position."""


@pytest.fixture
def follow(log: Path) -> Iterator[Follow]:
    """Return a factory of tails that are closed after the test."""
    with ExitStack() as stack:

        def make_tail(position: LogPosition | None = None) -> LogTail:
            return stack.enter_context(LogTail(log, position))

        yield make_tail


def read_all(follower: LogTail) -> tuple[list[str], LogPosition | None]:
    """Return all available lines, and the last position."""
    lines: list[str] = []
    position = None
    while batch := follower.read():
        lines += batch.lines
        position = batch.position
    return lines, position


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the path of a log that does not exist yet."""
    return tmp_path / "mail.log"


def append(path: Path, text: bytes) -> None:
    """Append to a file."""
    with path.open("ab") as file:
        file.write(text)


def rotate(path: Path, suffix: str, *, compress: bool = False) -> None:
    """Rotate a log like `postfix logrotate`."""
    moved = path.rename(path.with_name(f"{path.name}.{suffix}"))
    if compress:
        moved.with_name(f"{moved.name}.gz").write_bytes(gzip.compress(moved.read_bytes()))
        moved.unlink()


def test_missing_file_is_waited_for(log: Path, follow: Follow) -> None:
    """A missing log is no error, and is read when it exists."""
    follower = follow()
    assert follower.read() is None
    append(log, b"one\n")
    assert read_all(follower)[0] == ["one"]


def test_half_line_is_kept_until_it_is_whole(log: Path, follow: Follow) -> None:
    """A line is returned once, after its end was written; until then the position is before it."""
    append(log, b"one\ntw")
    follower = follow()
    lines, position = read_all(follower)
    assert lines == ["one"]
    assert position
    assert position.offset == len(b"one\n")
    append(log, b"o\n")
    assert read_all(follower)[0] == ["two"]


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_rotation_while_following(log: Path, follow: Follow, *, compress: bool) -> None:
    """Lines before, during and after a rotation are returned in order."""
    append(log, b"one\n")
    follower = follow()
    assert read_all(follower)[0] == ["one"]
    append(log, b"two\n")
    rotate(log, "20261122-120000", compress=compress)
    assert read_all(follower)[0] == ["two"]
    append(log, b"three\n")
    assert read_all(follower)[0] == ["three"]


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_resume_in_a_rotated_file(log: Path, follow: Follow, *, compress: bool) -> None:
    """A reader that was stopped during two rotations continues at its position."""
    append(log, b"one\n")
    _, position = read_all(follow())
    append(log, b"two\n")
    rotate(log, "20261122-120000", compress=compress)
    append(log, b"three\n")
    rotate(log, "20261123-120000", compress=compress)
    append(log, b"four\n")
    follower = follow(position)
    assert read_all(follower)[0] == ["two", "three", "four"]
    assert follower.gaps == 0


def test_resume_in_the_same_file(log: Path, follow: Follow) -> None:
    """A restarted reader continues in the same file, and its positions are valid for the next restart."""
    append(log, b"one\n")
    _, position = read_all(follow())
    append(log, b"two\n")
    lines, position = read_all(follow(position))
    assert lines == ["two"]
    append(log, b"three\n")
    assert read_all(follow(position))[0] == ["three"]


def test_first_start_reads_rotated_files_too(log: Path, follow: Follow) -> None:
    """The first start reads all existing files."""
    append(log, b"one\n")
    rotate(log, "20261122-120000", compress=True)
    append(log, b"two\n")
    assert read_all(follow())[0] == ["one", "two"]


def test_lost_file_is_a_gap(log: Path, follow: Follow) -> None:
    """If the file at the position is gone, all other files are read and a gap is counted."""
    append(log, b"one\n")
    _, position = read_all(follow())
    log.unlink()
    append(log, b"other\n")
    follower = follow(position)
    assert read_all(follower)[0] == ["other"]
    assert follower.gaps == 1


def test_several_rotations_between_two_reads(log: Path, follow: Follow) -> None:
    """A reader that missed two rotations reads both files."""
    append(log, b"one\n")
    follower = follow()
    read_all(follower)
    for suffix, text in (("20261122-120000", b"two\n"), ("20261123-120000", b"three\n")):
        rotate(log, suffix, compress=True)
        append(log, text)
    assert read_all(follower)[0] == ["two", "three"]


def test_last_line_without_end(log: Path, follow: Follow) -> None:
    """An incomplete line at the end of a rotated file is returned, and a gap is counted."""
    append(log, b"one\nhal")
    follower = follow()
    read_all(follower)
    rotate(log, "20261122-120000")
    append(log, b"two\n")
    assert read_all(follower)[0] == ["hal", "two"]
    assert follower.gaps == 1


def test_truncated_file_is_read_from_its_start(log: Path, follow: Follow) -> None:
    """A log that was truncated in place is read from its start."""
    append(log, b"one\ntwo\n")
    follower = follow()
    read_all(follower)
    os.truncate(log, 0)
    append(log, b"new\n")
    assert read_all(follower)[0] == ["new"]


def copytruncate(path: Path) -> None:
    """Rotate a log like `copytruncate` of logrotate(8)."""
    path.with_name(f"{path.name}.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)


@pytest.mark.parametrize("rewritten", [b"", b"four\n", b"a longer line than all those before\n"])
def test_copytruncate_while_following(log: Path, follow: Follow, rewritten: bytes) -> None:
    """Lines that were written before the truncation are read from the copy, once."""
    append(log, b"one\ntw")
    follower = follow()
    assert read_all(follower)[0] == ["one"]
    append(log, b"o\nthree\n")
    copytruncate(log)
    append(log, rewritten)
    assert read_all(follower)[0] == ["two", "three", *rewritten.decode().splitlines()]
    append(log, b"last\n")
    assert read_all(follower)[0] == ["last"]
    assert follower.gaps == 0


def test_copytruncate_while_stopped(log: Path, follow: Follow) -> None:
    """After a restart the rest of the copy is read, then the log."""
    append(log, b"one\ntwo\n")
    follower = follow()
    position = read_all(follower)[1]
    append(log, b"three\n")
    copytruncate(log)
    append(log, b"four\n")
    resumed = follow(position)
    assert read_all(resumed)[0] == ["three", "four"]
    assert resumed.gaps == 0


def test_copy_in_progress(log: Path, follow: Follow) -> None:
    """A start between copy and truncation reads each line once."""
    append(log, b"one\ntwo\n")
    log.with_name("mail.log.1").write_bytes(b"one\n")
    assert read_all(follow())[0] == ["one", "two"]


@pytest.mark.parametrize(
    "names",
    [
        ["mail.log.3.gz", "mail.log.2.gz", "mail.log.1"],
        ["mail.log-20261129.gz", "mail.log-20261130"],
        # In local time: an hour later, the clocks were set back an hour.
        ["mail.log.20261025-025900", "mail.log.20261025-021000"],
    ],
    ids=["logrotate", "dateext", "end of daylight saving time"],
)
def test_order_of_rotated_files(log: Path, names: list[str], follow: Follow) -> None:
    """Rotated files are read in the order of their last change."""
    for number, name in enumerate(names):
        line = f"{number}\n".encode()
        rotated = log.with_name(name)
        rotated.write_bytes(gzip.compress(line) if name.endswith(".gz") else line)
        os.utime(rotated, (number * 86_400, number * 86_400))
    append(log, b"last\n")
    assert read_all(follow())[0] == [*map(str, range(len(names))), "last"]


def test_folder_in_place_of_the_log(log: Path, follow: Follow) -> None:
    """A folder in place of the log is an error at each read; the log that replaces it is read."""
    log.mkdir()
    follower = follow()
    for _ in range(2):
        with pytest.raises(IsADirectoryError, match=str(log)):
            follower.read()
    log.rmdir()
    append(log, b"one\n")
    assert read_all(follower)[0] == ["one"]


def test_compressed_copy_does_not_count_twice(log: Path) -> None:
    """While gzip works, a rotated file and its unfinished copy are one file."""
    append(log, b"one\n")
    rotate(log, "20261122-120000")
    append(log.with_name("mail.log.20261122-120000.gz"), b"unfinished")
    assert [path.name for path in log_files(log)] == ["mail.log.20261122-120000"]
