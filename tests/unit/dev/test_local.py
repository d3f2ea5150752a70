"""`make dev` restarts the services that a changed source file belongs to."""

from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from dev.local import SOURCES, concerned, watching

SECONDS = 20


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with the source folders and one file in each."""
    for folder in {folder for sources in SOURCES.values() for folder in sources}:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").touch()
    return tmp_path


@pytest.fixture
def restarts(checkout: Path) -> Iterator[Queue[list[str]]]:
    """Return the restarts while the checkout is watched."""
    found: Queue[list[str]] = Queue()
    with watching(checkout, found.put):
        yield found


@pytest.mark.parametrize(
    ("folder", "services"), [("api", ["mail-api"]), ("exporter", ["mail-exporter"])], ids=["api", "exporter"]
)
@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_change(checkout: Path, restarts: Queue[list[str]], folder: str, services: list[str], change: str) -> None:
    """A changed, new or removed Python file restarts the services that run from its folder."""
    module = checkout / folder / "module.py"
    match change:
        case "edit":
            module.write_text("changed = True\n")
        case "add":
            module.with_name("new.py").touch()
        case _:
            module.unlink()
    assert services == restarts.get(timeout=SECONDS)


def test_other_files(checkout: Path, restarts: Queue[list[str]]) -> None:
    """Files that are not Python restart nothing."""
    (checkout / "api/notes.txt").touch()
    (checkout / "exporter/module.py").write_text("changed = True\n")
    assert ["mail-exporter"] == restarts.get(timeout=SECONDS)


def test_shared_folders() -> None:
    """A change in a shared package restarts both services."""
    assert concerned({"ledger"}) == concerned({"telemetry"}) == ["mail-api", "mail-exporter"]
