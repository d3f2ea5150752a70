"""Reading and writing a Dinky Server's folder: the only place that touches the disk of the server's files."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dinky import record
from dinky.needs.model import COMPOSE, LOOKED_AT, THEIRS
from dinky.record import Record

_LARGEST_BYTES: Final = 10_000_000


class NotADinkyServerError(Exception):
    """The folder cannot be looked at, or is something else; the message says what was missed."""


def read(root: Path, paths: Iterable[str]) -> dict[str, bytes]:
    """Return those of the server's own files, and of the given ones, that are there.

    Raises:
        NotADinkyServerError: there is no compose file, or a file cannot be read.
    """
    if not (root / COMPOSE).is_file():
        raise NotADinkyServerError(f"{root}: there is no {COMPOSE}; DIR is the folder of a dinky-server checkout")
    found = {}
    for path in {*THEIRS, *LOOKED_AT, *paths}:
        try:
            if (root / path).is_file() and (root / path).stat().st_size <= _LARGEST_BYTES:
                found[path] = (root / path).read_bytes()
        except OSError as error:
            raise NotADinkyServerError(f"{root / path}: {error.strerror}") from error
    return found


def write(root: Path, path: str, content: bytes | None) -> None:
    """Make the file hold the content, or be gone with None.

    A file that exists keeps its inode, owner and mode: a container that has it mounted sees the change. A new one is
    readable for all, as the containers' users have to, and belongs to the owner of the folder.
    """
    target = root / path
    if content is None:
        target.unlink(missing_ok=True)
        return
    is_new = not target.exists()
    target.write_bytes(content)
    if is_new:
        target.chmod(0o644)
        _give(root, target)


def make_folders(root: Path, paths: Iterable[str]) -> None:
    """Make these folders, outermost first."""
    for path in paths:
        (root / path).mkdir(exist_ok=True)
        (root / path).chmod(0o755)
        _give(root, root / path)


def missing_folders(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that do not exist yet and that these files need, outermost first."""
    parents = {parent.as_posix() for path in paths for parent in Path(path).parents}
    return tuple(sorted(one for one in parents if not (root / one).exists()))


def remove_empty(root: Path, folders: Iterable[str]) -> None:
    """Remove those folders that hold nothing, innermost first."""
    for path in sorted(folders, reverse=True):
        folder = root / path
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def keep_record(root: Path, done: Record) -> None:
    """Make the folder's record this one; an empty one leaves nothing behind."""
    folder = root / record.FOLDER
    wanted = record.files(done)
    if done == Record():
        shutil.rmtree(folder, ignore_errors=True)
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    _give(root, folder)
    for path, content in wanted.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_bytes(content)
        part.replace(target)
        for one in (target, *target.relative_to(folder).parents):
            _give(root, folder / one)
    for target in sorted(folder.rglob("*"), reverse=True):
        if target.is_dir():
            remove_empty(folder, [target.relative_to(folder).as_posix()])
        elif target.relative_to(folder).as_posix() not in wanted:
            target.unlink()


def _give(root: Path, target: Path) -> None:
    if os.geteuid() == 0:
        owner = root.stat()
        os.chown(target, owner.st_uid, owner.st_gid)
