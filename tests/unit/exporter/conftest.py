"""Fixtures: a ledger, and a pipeline on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_ledger import Ledger
from tests.unit import new_ledger
from tests.unit.exporter.harness import PipelineHarness


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a new ledger."""
    opened = new_ledger.in_file(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def harness(ledger: Ledger) -> PipelineHarness:
    """Return a pipeline on a new ledger."""
    return PipelineHarness(ledger)
