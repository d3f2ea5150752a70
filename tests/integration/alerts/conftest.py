"""Fixture: Prometheus and Alertmanager beside the shared stack."""

from collections.abc import Iterator

import pytest

from tests.integration.alerts.monitoring import Monitoring, monitored
from tests.integration.stack import Stack


@pytest.fixture(scope="session")
def monitoring(stack: Stack) -> Iterator[Monitoring]:
    """Return the Prometheus that scrapes the stack."""
    with monitored(stack) as running:
        yield running
