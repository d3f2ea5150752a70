"""One stack for all integration tests of a process, and the order of their modules."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.integration.stack import Stack

LONGEST_FIRST: Final = (
    "alerts/test_drill.py",
    "api/test_conformance.py",
    "alerts/test_rules.py",
    "test_events.py",
    "alerts/test_drill_quota.py",
    "postfix/test_networks.py",
    "dashboards/test_queries.py",
    "postfix/test_relay.py",
    "api/test_browser.py",
    "postfix/test_start.py",
    "postfix/test_nothing_lost.py",
    "test_ledger_tools.py",
    "test_check.py",
)
"""Modules that take long: begun last, one of them would run alone while the other workers have nothing to do.

The drills mostly wait, and the modules beside them compute.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take long to the front; within a module the order stays."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Return the running stack."""
    with Stack().running() as running:
        yield running


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> str:
    """Return a subject that no other test uses."""
    return f"test {request.node.name}"
