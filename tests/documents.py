"""Markdown documents of the project for tests: headings, links, and code blocks with their declared tests.

In the README and in `docs/` the line before a code block declares how it is tested:

    <!-- run: stack -->                     it is run with the stack of the integration tests
    <!-- run: host -->                      it is run on this machine, without a stack
    <!-- tested: tests/.../test_x.py -->    that test covers it
    <!-- untested: why -->                  it is not tested

Inline commands `docker exec`, `docker logs` and `docker inspect` are run too, if they have no placeholders.
"""

import re
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CODE: Final = frozenset({"sh", "bash", "console", "python", "javascript", "html"})
"""Languages that a reader runs."""
OTHER: Final = frozenset({"text", "json", "yaml", "ini", "nginx", "caddyfile", "promql", "logql", "mermaid", "toml"})
"""Languages of what is looked at."""

_BLOCK: Final = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<how>\w+): (?P<detail>[^\n]+) -->\n(?P=indent))?```(?P<language>[\w-]*)\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_INLINE: Final = re.compile(r"`[^`\n]*`")
_COMMAND: Final = re.compile(r"`(docker (?:exec|logs|inspect) [^`\n]+)`")
_UNKNOWN: Final = re.compile(r"\b(?:ID|NAME)\b|\.\.\.|…|yourdomain\.com|gmail\.com")
_HEADING: Final = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)|<((?:https?|mailto):[^>\s]+)>|\b(?:href|src)=\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block of a document, and how it is tested."""

    path: Path
    line: int
    language: str
    text: str
    how: str
    detail: str

    @property
    def place(self) -> str:
        """The path and line, for messages."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def files(pattern: str = "*") -> tuple[Path, ...]:
    """Return the files of the repository, including new ones that are not committed."""
    listed = subprocess.run(  # noqa: S603 - our own patterns
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", pattern),  # noqa: S607 - whichever git
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def documents() -> tuple[Path, ...]:
    """Return every Markdown file of the repository."""
    return files("*.md")


def guides() -> tuple[Path, ...]:
    """Return the user's documents: the README and the pages of `docs/`."""
    return (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def blocks(path: Path) -> Iterator[Block]:
    """Return a document's code blocks, in order."""
    text = path.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        code = textwrap.dedent(found["text"])
        yield Block(path, line, found["language"], code, found["how"] or "", found["detail"] or "")


def prose(path: Path) -> str:
    """Return a document without its code and comments, for headings and links."""
    without_blocks = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    return _INLINE.sub("`code`", _COMMENT.sub("", without_blocks))


def commands(path: Path) -> tuple[str, ...]:
    """Return a document's inline commands that can be run with a running stack."""
    text = _COMMENT.sub("", _BLOCK.sub("", path.read_text(encoding="utf-8")))
    return tuple(dict.fromkeys(found for found in _COMMAND.findall(text) if not _UNKNOWN.search(found)))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_BLOCK.sub("", path.read_text(encoding="utf-8"))):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        base = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        number, anchor = 0, base
        while anchor in found:
            number += 1
            anchor = f"{base}-{number}"
        found.add(anchor)
    return found


def links(path: Path) -> tuple[str, ...]:
    """Return the targets of a document's links."""
    return tuple(next(filter(None, found)) for found in _LINK.findall(prose(path)))
