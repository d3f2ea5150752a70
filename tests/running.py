"""Runs the examples of a document: one page in one shell, in a copy of the repository."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.documents import ROOT, Block, blocks, commands, files

SECONDS: Final = 100
_CONTAINER: Final = re.compile(
    r"(\bdocker (?:exec|logs|inspect|top) [^|;\n]*?)\b(mail-server|mail-api|mail-exporter|sandbox-relay)\b"
)
_PORT: Final = re.compile(r"\blocalhost:(\d+)\b")


def chosen(document: Path, where: str) -> list[Block]:
    """Return the blocks of a document that are run at this place (`stack` or `host`)."""
    return [block for block in blocks(document) if (block.how, block.detail) == ("run", where)]


def has(document: Path, where: str) -> bool:
    """Return whether a document has examples that are run at this place."""
    return bool(chosen(document, where) or (where == "stack" and commands(document)))


def script(document: Path, where: str) -> str:
    """Return all examples as one script, which prints the current example to standard error."""
    within = commands(document) if where == "stack" else ()
    parts = (
        *((block.place, as_shell(block)) for block in chosen(document, where)),
        *((f"{document.name}, in a sentence: {command}", command) for command in within),
    )
    return "\n".join(f"echo {shlex.quote(f'== {what}')} >&2\n{text}" for what, text in parts)


def as_shell(block: Block) -> str:
    """Return a block as shell; a block in another language is passed to its interpreter."""
    if block.language == "python":
        return f"python3 - <<'END_OF_EXAMPLE'\n{block.text}END_OF_EXAMPLE\n"
    return block.text


def in_project(text: str, project: str, addresses: Mapping[int, str]) -> str:
    """Return a script with the containers and published ports of a Compose project instead of production's."""
    named = _CONTAINER.sub(lambda found: f"{found[1]}{project}-{found[2]}-1", text)
    return _PORT.sub(lambda found: addresses.get(int(found[1]), found[0]), named)


def checkout(folder: Path) -> Path:
    """Return a copy of the repository, including changes that are not committed, with the same virtual environment."""
    copy = folder / "dinky-mail"
    for path in files():
        place = copy / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    for source in ("requirements/dev.txt", "pyproject.toml"):  # if newer, `make` would rebuild it
        os.utime(copy / source, (0, 0))
    return copy


def run(text: str, folder: Path) -> str:
    """Run a script, and return its standard output.

    Raises:
        AssertionError: a command failed; the message has the end of its output, and the example.
    """
    # Without it `curl` succeeds with any HTTP status.
    (folder / ".curlrc").write_text("fail-with-body\n", encoding="utf-8")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # A `make` inside of another prints "Entering directory" into the output of the examples.
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    done = subprocess.run(  # noqa: S603 - our own examples
        ("bash", "-euo", "pipefail", "-c", text),  # noqa: S607 - whichever bash there is
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=outside | {"PATH": path, "CURL_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"exit status {done.returncode}:\n{done.stderr[-3000:]}\n{done.stdout[-3000:]}"
    return done.stdout
