"""Fixtures: a DNS server with zones, and mail settings."""

from collections.abc import Callable, Iterator

import pytest

from mail_check.dns_resolver import DnsResolver
from mail_check.settings import MailSettings, read_mail_settings
from tests.unit.check.name_server import NameServer

VARIABLES = {
    "MAIL_DOMAIN": "shop.org",
    "FORWARD_EMAIL": "owner@elsewhere.org",
    "SMTP_RELAY_HOST": "smtp.gmail.com",
    "SMTP_RELAY_USERNAME": "shop@gmail.com",
    "SMTP_RELAY_PASSWORD": "abcd efgh ijkl mnop",
}
DIRECT = VARIABLES | {"SMTP_RELAY_HOST": ""}


def mail_settings(**variables: str) -> MailSettings:
    """Return the usual settings with some variables changed."""
    return read_mail_settings(VARIABLES | variables, lambda path: f"the text of {path}\n")


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    """Return a name server without records."""
    with NameServer() as server:
        yield server


@pytest.fixture
def dns(name_server: NameServer) -> Callable[[str], DnsResolver]:
    """Return a function that loads a zone into that server and returns a resolver that asks it."""

    def load(zone: str) -> DnsResolver:
        name_server.load(zone)
        return DnsResolver(["127.0.0.1"], 0.5, name_server.port)

    return load
