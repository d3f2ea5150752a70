"""The containers' health check."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from prometheus_client import CollectorRegistry

from mail_exporter.http_server import serve
from mail_telemetry.healthcheck import problem


@pytest.fixture
def healthy() -> dict[str, bool]:
    """Return the state that the server reports."""
    return {"now": True}


@pytest.fixture
def url(healthy: dict[str, bool]) -> Iterator[str]:
    """Return the address of a running exporter server."""
    server = serve(0, CollectorRegistry(), lambda: healthy["now"])
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_healthy(url: str) -> None:
    """A 200 response is healthy."""
    assert problem(f"{url}/health") is None


def test_unhealthy(url: str, healthy: dict[str, bool]) -> None:
    """Another response gives a problem with its status."""
    healthy["now"] = False
    assert problem(f"{url}/health") == f"{url}/health: answers {HTTPStatus.SERVICE_UNAVAILABLE.value}"


def test_refused_connection() -> None:
    """A refused connection gives a problem with the system's error."""
    assert "refused" in str(problem("http://127.0.0.1:1/health"))
