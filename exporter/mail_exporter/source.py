"""Follows the log through rotation, compression and restarts: every line once, none lost.

A file is known by a hash of its first bytes and the offset counts uncompressed bytes, so that neither `mv` nor
gzip (both done by `postfix logrotate`) makes it another file.
"""

import os
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple, Self

from mail_ledger import LogPosition

HEAD_BYTES: Final = 1024
"""How many first bytes make a file known, once it has as many."""
_READ_BYTES: Final = 1 << 17
_LINE_BYTES: Final = 1 << 16
"""What is kept of a line; Postfix writes 2,000 characters at most (msg_logger.c)."""

_CORRUPT: Final = (EOFError, zlib.error, BadGzipFile)
"""What reading a damaged gzip file raises."""

LogFile = BufferedReader | GzipFile


class Batch(NamedTuple):
    """Complete lines without their ends, and the position behind the last of them.

    What is no UTF-8 and every NUL is a replacement character, so that a line can be stored and sent anywhere.
    """

    lines: list[str]
    position: LogPosition


class LogFollower:
    """Reads a log and its rotated predecessors in order; `read` never blocks. A context manager that closes its file.

    Args:
        path: the log, as Postfix's `maillog_file` names it; rotated files lie beside it as `<name>.<time>[.gz]`.
        position: where an earlier reader stopped; None reads everything that is there.
    """

    def __init__(self, path: Path, position: LogPosition | None) -> None:
        self._path = path
        self._position = position
        self._to_read: list[Path] | None = None
        """Files behind the open one, oldest first; None when the folder must be looked at again."""
        self._file: LogFile | None = None
        self._head = b""
        self._offset = 0
        self._partial = b""
        self._partial_bytes = 0
        """The half line's length in the file; of a monstrous one, only the beginning is kept."""
        self.gaps = 0
        """How often lines may be missing.

        The file in which reading stopped was gone or cut short, or a line had no end.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def read(self) -> Batch | None:
        """Return the next complete lines, or None when there are none yet.

        Raises:
            OSError: the log is there and can't be read; the next call tries again.
        """
        while self._file is not None or self._open_next():
            lines = self._read_lines()
            if lines is None:
                if not self._finished():
                    return None
                lines = decoded(self._partial) if self._partial else []
                # Postfix writes whole lines; of one without its end, the volume was full.
                self.gaps += bool(lines)
                self._partial, self._partial_bytes = b"", 0
                self._close()
            if lines:
                head = self._head[:HEAD_BYTES]
                self._position = LogPosition(len(head), sha256(head).hexdigest(), self._offset - self._partial_bytes)
                return Batch(lines, self._position)
        return None

    @property
    def unread_bytes(self) -> int:
        """How much of the log lies behind the position; rotated files not counted."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return 0
        return max(0, size - self._offset + self._partial_bytes) if self._file is not None else size

    @property
    def position(self) -> LogPosition | None:
        """The position behind the last line that was given out."""
        return self._position

    def _read_lines(self) -> list[str] | None:
        """Return the complete lines of the next block, or None at the end of the file."""
        data = self._read_block()
        if not data:
            return None
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._offset += len(data)
        complete, newline, rest = data.rpartition(b"\n")
        lines = decoded(self._partial + complete) if newline else []
        if newline:
            self._partial, self._partial_bytes = b"", 0
        self._partial = (self._partial + rest)[:_LINE_BYTES]
        self._partial_bytes += len(rest)
        return lines

    def _read_block(self) -> bytes:
        if self._file is None or self._was_replaced(self._file):
            return b""
        try:
            return self._file.read(_READ_BYTES)
        except _CORRUPT:
            self.gaps += 1
            return b""

    def _was_replaced(self, file: LogFile) -> bool:
        """Tell whether the open file was cut off in place, so that what it holds now is new; begin it anew then."""
        if isinstance(file, GzipFile) or os.pread(file.fileno(), len(self._head), 0) == self._head:
            return False
        self._begin_anew()
        return True

    def _begin_anew(self) -> None:
        self._to_read, self._position = [self._path], None
        self._partial, self._partial_bytes = b"", 0
        self.gaps += 1

    def _finished(self) -> bool:
        """Tell whether the open file, read to its end, will grow no more."""
        if self._to_read or self._file is None:
            return True
        try:
            live = self._path.stat()
        except FileNotFoundError:
            # `postfix logrotate` has moved the file; the new one appears with its first line.
            return False
        mine = os.fstat(self._file.fileno())
        if (live.st_dev, live.st_ino) != (mine.st_dev, mine.st_ino):
            self._to_read = None  # more than one file may have come since
            # A line may have been written between our last read and the move.
            return isinstance(self._file, GzipFile) or mine.st_size <= self._offset
        if mine.st_size < self._offset:
            self._begin_anew()
            return True
        return False

    def _open_next(self) -> bool:
        """Open the file where reading goes on; False when it is not there yet."""
        if self._to_read is None:
            self._to_read = self._files_from_position()
        if not self._to_read:
            self._to_read = None
            return False
        try:
            self._open(self._to_read.pop(0))
        except OSError as error:
            self._to_read = None
            if isinstance(error, FileNotFoundError):  # gzip has just put another in its place
                return False
            raise
        return True

    def _files_from_position(self) -> list[Path]:
        files = list(log_files(self._path))
        if self._position is None:
            return files
        for index, path in enumerate(files):
            if has_head(path, self._position):
                return files[index:]
        self.gaps += bool(files)
        self._position = None
        return files

    def _open(self, path: Path) -> None:
        file = open_log(path)
        position = self._position
        resumed = position is not None and has_head(path, position)
        self._offset = position.offset if position is not None and resumed else 0
        self._head = file.read(min(HEAD_BYTES, self._offset))
        file.seek(self._offset)
        self._file, self._partial, self._partial_bytes = file, b"", 0

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def decoded(lines: bytes) -> list[str]:
    """Return the lines as text that can be stored and sent anywhere: what is no UTF-8, and every NUL, is replaced."""
    return lines.decode("utf-8", "replace").replace("\0", "\ufffd").split("\n")


def log_files(path: Path) -> Iterator[Path]:
    """Yield the rotated files beside the log, oldest first, and the log itself last, as far as they exist."""
    rotated = [found for found in path.parent.glob(f"{path.name}.*") if found.is_file()]
    # While gzip works both files exist; the complete one counts.
    stems: dict[str, Path] = {}
    for found in sorted(rotated, key=lambda found: (found.name.removesuffix(".gz"), found.suffix == ".gz")):
        stems.setdefault(found.name.removesuffix(".gz"), found)
    yield from stems.values()
    if path.exists():
        yield path


def open_log(path: Path) -> LogFile:
    """Open a log, a compressed one by its suffix.

    Raises:
        OSError: it can't be read.
    """
    if path.suffix == ".gz":
        return GzipFile(path)
    return path.open("rb")


def has_head(path: Path, position: LogPosition) -> bool:
    """Tell whether this is the file that the position is in."""
    try:
        with open_log(path) as file:
            head = file.read(position.head_length)
    except (FileNotFoundError, *_CORRUPT):
        return False
    return len(head) == position.head_length and sha256(head).hexdigest() == position.head_hash
