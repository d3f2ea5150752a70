"""Record of the last installation into a server's folder: our files, and the server's files before and after."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = ".dinky-mail"
"""Next to the server's compose file. It contains copies of the originals, so other users cannot read it."""
_LIST: Final = "record.json"


def fingerprint(content: bytes) -> str:
    """Return the SHA-256 of a content."""
    return sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class InstallRecord:
    """What the last run wrote.

    Args:
        ours: each file of ours, and the fingerprint of the version that was written last.
        before: each of the server's files that we changed, as it would be without our changes.
        after: the same files as we left them.
        folders: the folders that we created, outermost first.
    """

    ours: dict[str, str] = field(default_factory=dict)
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


def read(root: Path) -> InstallRecord:
    """Return the record in a server's folder; an empty one where nothing is installed.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    folder = root / FOLDER
    if not (folder / _LIST).exists():
        return InstallRecord()
    found = json.loads((folder / _LIST).read_text())
    try:
        texts = {side: {path: (folder / side / path).read_bytes() for path in found["changed"]} for side in _SIDES}
        return InstallRecord(dict(found["ours"]), texts["before"], texts["after"], tuple(found["folders"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / _LIST} is damaged: {error!r}") from error


_SIDES: Final = ("before", "after")


def files(record: InstallRecord) -> dict[str, bytes]:
    """Return the record as files, relative to its folder; the list comes last, since it names the others."""
    listed = {"ours": record.ours, "changed": sorted(record.before), "folders": list(record.folders)}
    return {
        ".gitignore": b"*\n",
        **{f"before/{path}": content for path, content in record.before.items()},
        **{f"after/{path}": content for path, content in record.after.items()},
        _LIST: (json.dumps(listed, indent=1, sort_keys=True) + "\n").encode(),
    }
