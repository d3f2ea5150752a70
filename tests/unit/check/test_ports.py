"""The doors of the host and of the services."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mail_check import ports
from mail_check.finding import Status
from mail_check.host import Container, Host, Published

RUNNING = {"mail-server": Container("running")}
MAIL = ports.DOORS[0]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - where Docker publishes


def at(address: str, host_port: int, port: int = 2525) -> Host:
    """Return a host whose mail server runs and has that port published there."""
    return Host(RUNNING, published=(Published("mail-server", port, address, host_port),))


@pytest.mark.parametrize(
    ("host", "status", "words"),
    [
        pytest.param(at(EVERYWHERE, 25), Status.OK, "0.0.0.0:25 leads", id="open"),
        pytest.param(at("127.0.0.1", 25), Status.WARNING, "127.0.0.1:25: mail from outside can't", id="loopback"),
        pytest.param(at(EVERYWHERE, 2525), Status.WARNING, "can't come in", id="another port"),
        pytest.param(at(EVERYWHERE, 25, 587), Status.WARNING, "not published", id="another's"),
        pytest.param(Host(), Status.UNKNOWN, "mail-server does not run", id="before the start"),
        pytest.param(Host(listening=frozenset({25})), Status.FAILED, "something else listens", id="taken"),
    ],
)
def test_published(host: Host, status: Status, words: str) -> None:
    """Port 25 of the host has to lead to the public listener, from everywhere; before the start it has to be free."""
    found = ports.published(MAIL, host)
    assert status == found.status, found
    assert words in found.message


def test_the_api_is_at_home_on_loopback() -> None:
    """The API's port is meant to be reached from this machine alone."""
    host = Host({"mail-api": Container("running")}, published=(Published("mail-api", 20001, "127.0.0.1", 20001),))
    assert ports.published(ports.DOORS[2], host).status is Status.OK


@contextmanager
def door(said: bytes) -> Iterator[tuple[str, int]]:
    """Have a port for a while that says something to the first who comes, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()
        thread.join()


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (b"220 mail.shop.org ESMTP\r\n", Status.OK, "greets: 220 mail.shop.org ESMTP"),
        (b"421 too busy\r\n", Status.FAILED, "421 too busy"),
        (b"", Status.FAILED, "closes the connection"),
    ],
)
def test_greeting(said: bytes, status: Status, words: str) -> None:
    """A mail server greets with 220."""
    with door(said) as place:
        found = ports.greeting(place, 2)
    assert status == found.status
    assert words in found.message


def test_nobody_there() -> None:
    """A closed port is an error, which the catalogue judges by whether the service runs."""
    with pytest.raises(ConnectionRefusedError):
        ports.greeting(("127.0.0.1", 1), 1)
