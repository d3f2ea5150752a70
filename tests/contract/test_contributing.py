"""What CONTRIBUTING.md names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
CODE = re.findall(r"`([^`\n]+)`", TEXT)
WALKS = re.split(r"^### … ", TEXT, flags=re.MULTILINE)[1:]


def test_files() -> None:
    """Every path in the walkthroughs leads to a file; a bare name, to one somewhere."""
    named = {
        one for walk in WALKS for one in re.findall(r"`([^`\n]+)`", walk) if re.fullmatch(r"[\w./-]+/[\w./-]+", one)
    }
    assert named
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_targets() -> None:
    """Every target of make exists."""
    targets = {target for one in CODE if one.startswith("make ") for target in one.split()[1:] if "=" not in target}
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets - known == set()


def test_every_walk_ends() -> None:
    """Each names its files in order and the test that says when it is done."""
    assert [walk.partition("\n")[0] for walk in WALKS] == ["a log line", "a metric", "a cause", "an alert", "a panel"]
    for walk in WALKS:
        assert "| file | what |" in walk
        (end,) = re.findall(r"^Done when (?:.|\n)*?\.$", walk, re.MULTILINE)
        assert "tests/" in end
