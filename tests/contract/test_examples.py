"""Code blocks in the README and in `docs/`: each declares its test, and those that need only this machine are run."""

import re
from pathlib import Path

import pytest

from tests import running
from tests.documents import CODE, OTHER, ROOT, Block, blocks, documents, guides

EVERY = tuple(block for path in guides() for block in blocks(path))
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
WAYS = {"stack", "host"}


def problem(block: Block) -> str | None:
    """Return the error in a block's declaration of its test, or None."""
    match block.how:
        case "run":
            return None if block.detail in WAYS else f"run where? {WAYS}"
        case "tested":
            name, _, test = block.detail.partition("::")
            path = ROOT / name
            found = path.is_file() and (
                not test or f"def test_{test.removeprefix('test_')}(" in path.read_text(encoding="utf-8")
            )
            return None if found else "there is no such test"
        case "untested":
            return None
        case _:
            return "says nothing of its test: see tests/documents.py"


def test_languages() -> None:
    """Every block names its language, which decides whether it is to be run."""
    assert [block.place for block in EVERY if block.language not in CODE | OTHER] == []


def test_every_example_declares_its_test() -> None:
    """Every block that a reader can run has a test, or the reason why not."""
    said = ((block.place, problem(block)) for block in EVERY if block.language in CODE)
    assert [(place, wrong) for place, wrong in said if wrong] == []


def test_most_examples_are_run() -> None:
    """Fewer than half of the blocks are untested."""
    code = [block for block in EVERY if block.language in CODE]
    assert len([block for block in code if block.how == "untested"]) < len(code) / 2


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_targets_exist(document: Path) -> None:
    """Every `make` target that a document names is in the Makefile."""
    text = document.read_text(encoding="utf-8")
    code = "\n".join((*re.findall(r"`([^`\n]+)`", text), *(block.text for block in blocks(document))))
    assert set(re.findall(r"(?:^|&& |; )make ([a-z][a-z-]*)", code, re.MULTILINE)) - TARGETS == set()


@pytest.mark.parametrize(
    "document", [path for path in guides() if running.has(path, "host")], ids=lambda path: str(path.name)
)
def test_examples_on_this_machine(document: Path, tmp_path: Path) -> None:
    """The commands of a page, run in order in a copy of the repository, succeed."""
    running.run(running.script(document, "host"), running.checkout(tmp_path))
