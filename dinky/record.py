"""What was done to a server's folder: enough to know our own lines again, and to take them back."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = ".dinky-mail"
"""Beside the server's compose file. Its backups may hold what the originals hold, so it is closed to others."""
_LIST: Final = "record.json"


def fingerprint(content: bytes) -> str:
    """Return what a content is known by."""
    return sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """The memory of the last run.

    Args:
        ours: each file that we brought, and the fingerprint of the version that was brought last.
        before: each of the server's files that we changed, as it would be without us.
        after: the same files as we left them.
        folders: the folders that we made, outermost first.
    """

    ours: dict[str, str] = field(default_factory=dict)
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


def read(root: Path) -> Record:
    """Return the record that lies in a server's folder; an empty one where nothing was done.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none of ours.
    """
    folder = root / FOLDER
    if not (folder / _LIST).exists():
        return Record()
    found = json.loads((folder / _LIST).read_text())
    try:
        texts = {side: {path: (folder / side / path).read_bytes() for path in found["changed"]} for side in _SIDES}
        return Record(dict(found["ours"]), texts["before"], texts["after"], tuple(found["folders"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / _LIST} is damaged: {error!r}") from error


_SIDES: Final = ("before", "after")


def files(record: Record) -> dict[str, bytes]:
    """Return the record as files, from its folder on; the list comes last, since what it names has to be there."""
    listed = {"ours": record.ours, "changed": sorted(record.before), "folders": list(record.folders)}
    return {
        ".gitignore": b"*\n",
        **{f"before/{path}": content for path, content in record.before.items()},
        **{f"after/{path}": content for path, content in record.after.items()},
        _LIST: (json.dumps(listed, indent=1, sort_keys=True) + "\n").encode(),
    }
