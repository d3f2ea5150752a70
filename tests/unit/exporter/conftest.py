"""A ledger, and a pipeline on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_ledger import Ledger
from tests.unit import new_ledger
from tests.unit.exporter.bench import Bench


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a new ledger."""
    opened = new_ledger.in_file(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def bench(ledger: Ledger) -> Bench:
    """Return a pipeline on a new ledger."""
    return Bench(ledger)
