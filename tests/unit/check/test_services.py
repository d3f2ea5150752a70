"""The containers, and what the services say of themselves."""

import pytest

from mail_check import services
from mail_check.finding import Status
from mail_check.host import Container, Host
from tests.unit.check.web_server import WebServer


@pytest.mark.parametrize(
    ("host", "status", "words"),
    [
        pytest.param(Host(), Status.UNKNOWN, "not started yet", id="none"),
        pytest.param(Host({"mail-api": Container("running", "healthy")}), Status.OK, "runs, healthy", id="well"),
        pytest.param(Host({"mail-api": Container("running")}), Status.OK, "runs", id="no health check"),
        pytest.param(Host({"mail-api": Container("running", "unhealthy")}), Status.FAILED, "unhealthy", id="unhealthy"),
        pytest.param(
            Host({"mail-api": Container("exited", "", "2")}), Status.FAILED, "exited (exit code 2)", id="ended"
        ),
        pytest.param(
            Host({"mail-api": Container("created", "", "128", "port is already allocated")}),
            Status.FAILED,
            "created (port is already allocated)",
            id="not startable",
        ),
        pytest.param(
            Host({"mail-api": Container("running")}, changed=frozenset({"mail-api"})),
            Status.WARNING,
            "other settings",
            id="older settings",
        ),
    ],
)
def test_container(host: Host, status: Status, words: str) -> None:
    """A container has to run, be healthy, and have the settings of now."""
    found = services.container("mail-api", host)
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize(("answer", "status"), [(200, Status.OK), (503, Status.FAILED), (404, Status.FAILED)])
def test_readiness(answer: int, status: Status) -> None:
    """The API says whether a mail would leave."""
    with WebServer({"/ready": (answer, "")}) as web:
        assert status == services.readiness(f"{web.url}/ready", 2).status


@pytest.mark.parametrize(
    ("parts", "status", "words"),
    [
        ({"queue": 1, "log": 1}, Status.OK, "it reads log, queue"),
        ({"queue": 0, "log": 1, "ledger": 0}, Status.FAILED, "it can't read: ledger, queue"),
        ({}, Status.FAILED, "does not say"),
    ],
)
def test_exporter_parts(parts: dict[str, int], status: Status, words: str) -> None:
    """The exporter's metrics say what it could not read."""
    text = "".join(f'mail_exporter_scrape_success{{part="{part}"}} {value}\n' for part, value in parts.items())
    with WebServer({"/metrics": (200, text)}) as web:
        (found,) = services.exporter_parts(f"{web.url}/metrics", 2)
    assert status == found.status
    assert words in found.message
