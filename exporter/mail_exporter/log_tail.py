"""Follow the mail log through rotation, compression and restarts: every line is read once.

A file is identified by a hash of its first bytes, and the offset counts uncompressed bytes. So a file stays the same
after `mv` and gzip, which `postfix logrotate` runs, and in the copy that `copytruncate` of logrotate(8) makes.
"""

import os
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple, Self

from loguru import logger

from mail_ledger import Ledger, LogPosition

HEAD_BYTES: Final = 1024
"""How many of its first bytes identify a file; fewer while it is shorter."""
_READ_BYTES: Final = 1 << 17
_LINE_BYTES: Final = 1 << 16
"""Longer lines are cut; Postfix writes 2,000 characters at most (msg_logger.c)."""

_CORRUPT: Final = (EOFError, zlib.error, BadGzipFile)
"""Exceptions of a damaged gzip file."""

LogFile = BufferedReader | GzipFile


class Batch(NamedTuple):
    """Complete lines without line ends, and the position after the last of them."""

    lines: list[str]
    position: LogPosition


class LogTail:
    """Reads a log after its rotated files, in order; `read` never blocks. A context manager that closes the open file.

    Args:
        path: the log (Postfix: `maillog_file`); `log_files` finds its rotated files in the same folder.
        position: where an earlier reader stopped; None reads all existing files.
    """

    def __init__(self, path: Path, position: LogPosition | None) -> None:
        self._path = path
        self._position = position
        self._to_read: list[Path] | None = None
        """Files after the open one, oldest first; None when the folder must be listed again."""
        self._file: LogFile | None = None
        self._head = b""
        self._offset = 0
        self._partial = b""
        self._partial_bytes = 0
        """Length of the incomplete line in the file; `_partial` may be cut."""
        self.gaps = 0
        """How often lines may be missing.

        The file at the position was deleted or truncated, or a line had no end.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def read(self) -> Batch | None:
        """Return the next complete lines, or None if there are no new ones.

        Raises:
            OSError: the log exists and can't be read; the next call tries again.
        """
        while self._file is not None or self._open_next():
            lines = self._read_lines()
            if lines is None:
                if not self._finished():
                    return None
                lines = decode_lines(self._partial) if self._partial else []
                # Postfix writes whole lines; a line without its end means that the volume was full.
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
        """Bytes of the log after the position, without rotated files."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return 0
        return max(0, size - self._offset + self._partial_bytes) if self._file is not None else size

    @property
    def position(self) -> LogPosition | None:
        """The position after the last line that was returned."""
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
        lines = decode_lines(self._partial + complete) if newline else []
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
        """Return whether the open file was truncated and written again; then continue in its copy."""
        if isinstance(file, GzipFile) or os.pread(file.fileno(), len(self._head), 0) == self._head:
            return False
        self._continue_in_copy()
        return True

    def _continue_in_copy(self) -> None:
        """After a truncation: read the rest of the copy that `copytruncate` made, then the log from its beginning.

        Without a copy, the lines between the last read and the truncation are missing.
        """
        self._partial, self._partial_bytes = b"", 0
        self._to_read = None if self._position is None else files_from(self._path, self._position)
        if not self._to_read:
            self._to_read, self._position = [self._path], None
            self.gaps += 1

    def _finished(self) -> bool:
        """Return whether the open file, read to its end, is complete."""
        if self._to_read or self._file is None:
            return True
        try:
            live = self._path.stat()
        except FileNotFoundError:
            # `postfix logrotate` has moved the file; Postfix creates the new one with the next line.
            return False
        opened = os.fstat(self._file.fileno())
        if (live.st_dev, live.st_ino) != (opened.st_dev, opened.st_ino):
            self._to_read = None  # several files may be new
            # A line may have been written between the last read and the move.
            return isinstance(self._file, GzipFile) or opened.st_size <= self._offset
        if opened.st_size < self._offset:
            self._continue_in_copy()
            return True
        return False

    def _open_next(self) -> bool:
        """Open the next file to read; return False if it does not exist yet."""
        if self._to_read is None:
            self._to_read = self._files_from_position()
        if not self._to_read:
            self._to_read = None
            return False
        try:
            self._open(self._to_read.pop(0))
        except OSError as error:
            self._to_read = None
            if isinstance(error, FileNotFoundError):  # gzip has just replaced it
                return False
            raise
        return True

    def _files_from_position(self) -> list[Path]:
        if self._position is not None:
            # A second time, because gzip may have replaced a file after it was listed.
            found = files_from(self._path, self._position) or files_from(self._path, self._position)
            if found:
                return found
        files = list(log_files(self._path))
        self.gaps += bool(files and self._position)
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


def decode_lines(lines: bytes) -> list[str]:
    """Return the lines as text; invalid UTF-8 and NUL become U+FFFD, which every database and protocol accepts."""
    return lines.decode("utf-8", "replace").replace("\0", "\ufffd").split("\n")


def log_files(path: Path) -> Iterator[Path]:
    """Yield the existing log files, oldest first: the rotated files, then the log.

    Rotated files are `<name>.<time>[.gz]` (postfix(1)), `<name>.1`, or `<name>-<date>` (logrotate(8)). Their order is
    that of their last change, which `mv`, gzip and cp -p keep: names in local time repeat an hour in autumn, and
    logrotate's numbers count backwards.
    """
    folder = path.parent.iterdir() if path.parent.is_dir() else ()
    rotated = [found for found in folder if _is_rotated(found, path.name)]
    # While gzip runs, both files exist; only the uncompressed one is complete.
    stems: dict[str, Path] = {}
    for found in sorted(rotated, key=lambda found: found.suffix == ".gz"):
        stems.setdefault(found.name.removesuffix(".gz"), found)
    yield from sorted(stems.values(), key=_last_change)
    if path.exists():
        yield path


def files_from(path: Path, position: LogPosition) -> list[Path]:
    """Return the file that has the position, and the later ones; an empty list if no file has it."""
    files = list(log_files(path))
    return next((files[index:] for index, file in enumerate(files) if has_head(file, position)), [])


def _is_rotated(found: Path, name: str) -> bool:
    return found.name.startswith((f"{name}.", f"{name}-")) and found.is_file()


def _last_change(path: Path) -> tuple[int, str]:
    try:
        return path.stat().st_mtime_ns, path.name
    except FileNotFoundError:  # compressed or deleted meanwhile: the caller finds no such file, and lists them again
        return 0, path.name


def open_log(path: Path) -> LogFile:
    """Open a log file; one with the suffix `.gz` is decompressed.

    Raises:
        OSError: the file can't be read.
    """
    if path.suffix == ".gz":
        return GzipFile(path)
    return path.open("rb")


def has_head(path: Path, position: LogPosition) -> bool:
    """Return whether the position is in this file."""
    try:
        with open_log(path) as file:
            head = file.read(position.head_length)
    except (FileNotFoundError, *_CORRUPT):
        return False
    return len(head) == position.head_length and sha256(head).hexdigest() == position.head_hash


def resume_position(ledger: Ledger, log: Path, server: str) -> LogPosition | None:
    """Return the position up to which this server's log was read, or None if it was never read.

    The stored position may be under another name: the server got another MAIL_HOSTNAME, or had none. The first bytes of
    the log show that, and the ledger's rows are renamed. A short log is renamed only from the empty name, because two
    servers that were started at the same moment may have the same first bytes.

    Raises:
        LedgerError: the ledger can't be read or written.
    """
    known = ledger.positions(str(log))
    if server in known:
        return known[server]
    files = list(log_files(log))
    for name, position in known.items():
        is_identified = position.head_length >= HEAD_BYTES or not name
        if is_identified and any(has_head(path, position) for path in files):
            ledger.rename_server(name, server)
            logger.info("renamed the mail server in the ledger", old=name, new=server)
            return position
    return None
