"""The changelog has the version of the project."""

import re
import tomllib
from datetime import date
from typing import Final

from tests.documents import ROOT

TEXT: Final = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
VERSION: Final = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\S+)$", re.MULTILINE)


def test_newest_version() -> None:
    """The newest version of the changelog is that of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    number, _ = VERSION.findall(TEXT)[0]
    assert project["version"] == number


def test_headings() -> None:
    """Below the unreleased changes, versions and their dates descend; each heading of a version is well-formed."""
    unreleased, *versions = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    found = [(tuple(map(int, number.split("."))), date.fromisoformat(day)) for number, day in VERSION.findall(TEXT)]
    assert unreleased == "[Unreleased]"
    assert len(versions) == len(found)
    assert found == sorted(found, reverse=True)


def test_breaking_changes_come_first() -> None:
    """In a version, no breaking change stands below another kind of change."""
    for version in VERSION.split(TEXT)[3::3]:
        is_breaking = ["reaking" in heading for heading in re.findall(r"^### (.*)$", version, re.MULTILINE)]
        assert is_breaking == sorted(is_breaking, reverse=True)
