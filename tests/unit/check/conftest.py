"""Name servers and stacks for the tests of the check."""

from collections.abc import Callable, Iterator

import pytest

from mail_check.lookup import Dns
from mail_check.stack import Stack, read_stack
from tests.unit.check.name_server import NameServer

VARIABLES = {
    "MAIL_DOMAIN": "shop.org",
    "FORWARD_EMAIL": "owner@elsewhere.org",
    "SMTP_RELAY_HOST": "smtp.gmail.com",
    "SMTP_RELAY_USERNAME": "shop@gmail.com",
    "SMTP_RELAY_PASSWORD": "abcd efgh ijkl mnop",
}
DIRECT = VARIABLES | {"SMTP_RELAY_HOST": ""}


def stack_of(**variables: str) -> Stack:
    """Return the usual stack with some variables changed."""
    return read_stack(VARIABLES | variables, lambda path: f"the text of {path}\n")


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    """Return a name server that knows nothing yet."""
    with NameServer() as server:
        yield server


@pytest.fixture
def dns(name_server: NameServer) -> Callable[[str], Dns]:
    """Return what makes that server know a zone, and a lookup that asks it."""

    def known(zone: str) -> Dns:
        name_server.know(zone)
        return Dns(["127.0.0.1"], 0.5, name_server.port)

    return known
