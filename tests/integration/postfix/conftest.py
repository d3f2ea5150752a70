"""Fixtures of the mail server's tests: a lab, a mail server in it, and that of the shared stack."""

from collections.abc import Iterator

import pytest

from tests.integration.postfix.audit import stack_server
from tests.integration.postfix.containers import Relay, Server
from tests.integration.postfix.lab import Lab
from tests.integration.stack import SANDBOX, Stack


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Return a network with a sandbox and a probe, for mail servers with their own settings."""
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def server(lab: Lab) -> Iterator[Server]:
    """Return a mail server in the lab with the usual settings."""
    with lab.server("mail.lab") as server:
        yield server


@pytest.fixture
def relay(lab: Lab) -> Relay:
    """Return the lab's relay with an empty inbox."""
    lab.relay.forget()
    return lab.relay


@pytest.fixture
def shipped(stack: Stack) -> Server:
    """Return the mail server of the shared stack, with the shipped settings."""
    return stack_server(stack)


@pytest.fixture
def shipped_relay(stack: Stack) -> Relay:
    """Return the relay of the shared stack."""
    return Relay(stack.url(SANDBOX))
