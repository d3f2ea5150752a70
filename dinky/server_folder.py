"""Read and write a Dinky Server's folder: the paths of its files, and all file access of the installer."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dinky import install_record
from dinky.install_record import InstallRecord

COMPOSE: Final = "docker-compose.yml"
PROMETHEUS: Final = "monitoring/prometheus/prometheus.yml"
ALERTMANAGER: Final = "monitoring/alertmanager/alertmanager.yml"
PROMTAIL: Final = "monitoring/promtail/promtail-config.yml"
TRAEFIK: Final = "infrastructure/traefik/traefik.yml"
CLOUDFLARED: Final = "infrastructure/cloudflared/config.yml"
DATASOURCES: Final = "monitoring/grafana/provisioning/datasources/datasources.yml"
RULES: Final = "monitoring/prometheus/mail"
DASHBOARDS: Final = "monitoring/grafana/dashboards"

CHANGED_FILES: Final[tuple[str, ...]] = (COMPOSE, PROMETHEUS, ALERTMANAGER, PROMTAIL, DATASOURCES)
"""The server's own files that an installation may change; the first is required."""
CHECKED_FILES: Final[tuple[str, ...]] = (TRAEFIK, CLOUDFLARED)
"""The server's own files that only the check reads."""

_LARGEST_BYTES: Final = 10_000_000


class NotADinkyServerError(Exception):
    """The folder cannot be read, or is not a Dinky Server's; the message names what is missing."""


def read(root: Path, paths: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of the server's own files, and of the files at these paths, as far as they exist.

    Raises:
        NotADinkyServerError: there is no compose file, or a file cannot be read.
    """
    if not (root / COMPOSE).is_file():
        raise NotADinkyServerError(f"{root}: there is no {COMPOSE}; DIR is the folder of a dinky-server checkout")
    found = {}
    for path in {*CHANGED_FILES, *CHECKED_FILES, *paths}:
        try:
            if (root / path).is_file() and (root / path).stat().st_size <= _LARGEST_BYTES:
                found[path] = (root / path).read_bytes()
        except OSError as error:
            raise NotADinkyServerError(f"{root / path}: {error.strerror}") from error
    return found


def write(root: Path, path: str, content: bytes | None) -> None:
    """Write a file; remove it where the content is None.

    A file that exists keeps its inode, owner and mode, so that a container that mounts it sees the change. A new file
    can be read by all users, since containers have their own, and belongs to the owner of the folder.
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
    """Create these folders, given outermost first."""
    for path in paths:
        (root / path).mkdir(exist_ok=True)
        (root / path).chmod(0o755)
        _give(root, root / path)


def missing_folders(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders of these files that do not exist yet, outermost first."""
    parents = {parent.as_posix() for path in paths for parent in Path(path).parents}
    return tuple(sorted(one for one in parents if not (root / one).exists()))


def remove_empty(root: Path, folders: Iterable[str]) -> None:
    """Remove the folders that are empty, innermost first."""
    for path in sorted(folders, reverse=True):
        folder = root / path
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def keep_record(root: Path, done: InstallRecord) -> None:
    """Write the record into the folder; remove it where the record is empty."""
    folder = root / install_record.FOLDER
    wanted = install_record.files(done)
    if done == InstallRecord():
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
