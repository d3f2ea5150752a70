"""Service checks: containers, readiness, exporter, ports, certificate."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mail_check.checks import services
from mail_check.host_facts import ContainerState, HostFacts, PublishedPort
from mail_check.results import CheckStatus
from tests.unit.check.web_server import WebServer

NOW = 1_800_000_000.0
RUNNING = {"mail-server": ContainerState("running")}
MAIL = services.HOST_PORTS[0]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - where Docker publishes


@pytest.mark.parametrize(
    ("facts", "status", "words"),
    [
        pytest.param(HostFacts(), CheckStatus.UNKNOWN, "not started yet", id="none"),
        pytest.param(
            HostFacts({"mail-api": ContainerState("running", "healthy")}), CheckStatus.OK, "runs, healthy", id="healthy"
        ),
        pytest.param(HostFacts({"mail-api": ContainerState("running")}), CheckStatus.OK, "runs", id="no health check"),
        pytest.param(
            HostFacts({"mail-api": ContainerState("running", "unhealthy")}),
            CheckStatus.FAILED,
            "unhealthy",
            id="unhealthy",
        ),
        pytest.param(
            HostFacts({"mail-api": ContainerState("exited", "", "2")}),
            CheckStatus.FAILED,
            "exited (exit code 2)",
            id="ended",
        ),
        pytest.param(
            HostFacts({"mail-api": ContainerState("created", "", "128", "port is already allocated")}),
            CheckStatus.FAILED,
            "created (port is already allocated)",
            id="not startable",
        ),
        pytest.param(
            HostFacts({"mail-api": ContainerState("running")}, changed=frozenset({"mail-api"})),
            CheckStatus.WARNING,
            "other settings",
            id="older settings",
        ),
    ],
)
def test_container(facts: HostFacts, status: CheckStatus, words: str) -> None:
    """A container has to run, be healthy, and have the current settings."""
    found = services.check_container("mail-api", facts)
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize(
    ("answer", "status"), [(200, CheckStatus.OK), (503, CheckStatus.FAILED), (404, CheckStatus.FAILED)]
)
def test_readiness(answer: int, status: CheckStatus) -> None:
    """The API's /ready decides whether a mail would leave."""
    with WebServer({"/ready": (answer, "")}) as web:
        assert status == services.check_readiness(f"{web.url}/ready", 2).status


@pytest.mark.parametrize(
    ("parts", "status", "words"),
    [
        ({"queue": 1, "log": 1}, CheckStatus.OK, "it reads log, queue"),
        ({"queue": 0, "log": 1, "ledger": 0}, CheckStatus.FAILED, "it cannot read: ledger, queue"),
        ({}, CheckStatus.FAILED, "has no metric mail_exporter_scrape_success"),
    ],
)
def test_exporter(parts: dict[str, int], status: CheckStatus, words: str) -> None:
    """The parts that the exporter cannot read are listed."""
    text = "".join(f'mail_exporter_scrape_success{{part="{part}"}} {value}\n' for part, value in parts.items())
    with WebServer({"/metrics": (200, text)}) as web:
        (found,) = services.check_exporter(f"{web.url}/metrics", 2)
    assert status == found.status
    assert words in found.message


def published_at(address: str, host_port: int, port: int = 2525) -> HostFacts:
    """Return the facts of a host whose mail server runs and has that port published there."""
    return HostFacts(RUNNING, published=(PublishedPort("mail-server", port, address, host_port),))


@pytest.mark.parametrize(
    ("facts", "status", "words"),
    [
        pytest.param(published_at(EVERYWHERE, 25), CheckStatus.OK, "0.0.0.0:25 leads", id="open"),
        pytest.param(
            published_at("127.0.0.1", 25), CheckStatus.WARNING, "127.0.0.1:25: mail from outside cannot", id="loopback"
        ),
        pytest.param(published_at(EVERYWHERE, 2525), CheckStatus.WARNING, "cannot reach it", id="another port"),
        pytest.param(
            published_at(EVERYWHERE, 25, 587), CheckStatus.WARNING, "not published", id="published by another container"
        ),
        pytest.param(HostFacts(), CheckStatus.UNKNOWN, "mail-server does not run", id="before the start"),
        pytest.param(HostFacts(listening=frozenset({25})), CheckStatus.FAILED, "another program listens", id="taken"),
    ],
)
def test_published(facts: HostFacts, status: CheckStatus, words: str) -> None:
    """Port 25 has to be published on a public address; before the first start it has to be free."""
    found = services.check_published(MAIL, facts)
    assert status == found.status, found
    assert words in found.message


def test_published_api() -> None:
    """The API's port may be published on loopback only."""
    facts = HostFacts(
        {"mail-api": ContainerState("running")}, published=(PublishedPort("mail-api", 20001, "127.0.0.1", 20001),)
    )
    assert services.check_published(services.HOST_PORTS[2], facts).status is CheckStatus.OK


@contextmanager
def greeting_server(greeting: bytes) -> Iterator[tuple[str, int]]:
    """Return a port that sends a greeting to one client and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()
        thread.join()


@pytest.mark.parametrize(
    ("greeting", "status", "words"),
    [
        (b"220 mail.shop.org ESMTP\r\n", CheckStatus.OK, "greets: 220 mail.shop.org ESMTP"),
        (b"421 too busy\r\n", CheckStatus.FAILED, "421 too busy"),
        (b"", CheckStatus.FAILED, "closes the connection"),
    ],
)
def test_greeting(greeting: bytes, status: CheckStatus, words: str) -> None:
    """A mail server greets with 220."""
    with greeting_server(greeting) as place:
        found = services.check_greeting(place, 2)
    assert status == found.status
    assert words in found.message


def test_closed_port() -> None:
    """A closed port raises OSError, which fails only while the service runs."""
    with pytest.raises(ConnectionRefusedError):
        services.check_greeting(("127.0.0.1", 1), 1)


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (15, CheckStatus.OK, "valid until 2027-01-30"),
        (13.5, CheckStatus.WARNING, "ends in 13 days, on 2027-01-28"),
        (0, CheckStatus.FAILED, "ended on 2027-01-15"),
        (-100, CheckStatus.FAILED, "ended on 2026-10-07"),
    ],
)
def test_certificate(days: float, status: CheckStatus, words: str) -> None:
    """A certificate that expires within two weeks is a warning, as for the alert."""
    found = services.certificate_result(NOW + days * 86_400, NOW, "renew it")
    assert (status, words) == (found.status, found.message), found
