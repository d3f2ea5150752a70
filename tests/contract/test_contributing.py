"""Paths and make targets in CONTRIBUTING.md exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
CODE = re.findall(r"`([^`\n]+)`", TEXT)
WALKTHROUGHS = re.split(r"^### … ", TEXT, flags=re.MULTILINE)[1:]


def test_files() -> None:
    """Every path in the walkthroughs exists; a bare file name exists in some folder."""
    named = {
        one
        for walk in WALKTHROUGHS
        for one in re.findall(r"`([^`\n]+)`", walk)
        if re.fullmatch(r"[\w./-]+/[\w./-]+", one)
    }
    assert named
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_targets() -> None:
    """Every make target exists."""
    targets = {target for one in CODE if one.startswith("make ") for target in one.split()[1:] if "=" not in target}
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets - known == set()


def test_every_walkthrough_ends_with_a_test() -> None:
    """Each walkthrough names its files in order, and ends with the test to run."""
    assert [walk.partition("\n")[0] for walk in WALKTHROUGHS] == [
        "a log line",
        "a metric",
        "a cause",
        "an alert",
        "a panel",
    ]
    for walk in WALKTHROUGHS:
        assert "| file | what |" in walk
        (end,) = re.findall(r"^Done when (?:.|\n)*?\.$", walk, re.MULTILINE)
        assert "tests/" in end
