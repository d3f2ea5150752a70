"""The commands of `python -m dinky` on a copy of the stack, for tests."""

from pathlib import Path

from dinky.__main__ import main

Files = dict[str, bytes]


def tree(folder: Path) -> Files:
    """Return every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def install(server: Path) -> int:
    """Install with --yes."""
    return main(["install", str(server), "--yes"])


def undo(server: Path) -> int:
    """Undo with --yes."""
    return main(["undo", str(server), "--yes"])


def check(server: Path) -> int:
    """Check the installation."""
    return main(["check", str(server)])


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text in a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
