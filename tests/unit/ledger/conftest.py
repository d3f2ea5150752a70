"""A new SQLite database for each test."""

import shutil
from pathlib import Path

import pytest

from mail_ledger.engine import open_engine
from tests.unit.ledger.fixtures import clock, engine, ledger, mail_server

__all__ = ["clock", "engine", "ledger", "mail_server"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a new ledger."""
    path = tmp_path_factory.mktemp("template") / "ledger.db"
    open_engine(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture
def empty_url(tmp_path: Path) -> str:
    """Return the URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path}/empty.db"


@pytest.fixture
def url(tmp_path: Path, template: Path) -> str:
    """Return the URL of a new ledger."""
    return f"sqlite:///{shutil.copy(template, tmp_path)}"
