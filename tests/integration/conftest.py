"""One stack for all integration tests."""

from collections.abc import Iterator

import pytest

from tests.integration.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Return the running stack."""
    with Stack().running() as running:
        yield running


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> str:
    """Return a subject that no other test uses."""
    return f"test {request.node.name}"
