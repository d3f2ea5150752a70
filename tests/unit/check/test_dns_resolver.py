"""DNS lookups at a real server."""

import time
from collections.abc import Callable

import pytest

from mail_check.dns_resolver import DnsLookupFailed, DnsResolver, MailExchanger

LoadZone = Callable[[str], DnsResolver]

ZONE = """
shop.org. MX 20 second.shop.org.
shop.org. MX 10 mail.shop.org.
shop.org. TXT "v=spf1 " "mx ~all"
shop.org. TXT "other"
mail.shop.org. A 203.0.113.5
mail.shop.org. AAAA 2001:db8::5
5.113.0.203.in-addr.arpa. PTR Mail.Shop.org.
"""


def test_records(dns: LoadZone) -> None:
    """Each kind of record is read, and the strings of a TXT record are joined."""
    resolver = dns(ZONE)
    assert resolver.mx("shop.org") == (MailExchanger(10, "mail.shop.org"), MailExchanger(20, "second.shop.org"))
    assert sorted(resolver.txt("shop.org")) == ["other", "v=spf1 mx ~all"]
    assert resolver.addresses("mail.shop.org") == ("203.0.113.5", "2001:db8::5")
    assert resolver.names_of("203.0.113.5") == ("mail.shop.org",)


def test_null_mx(dns: LoadZone) -> None:
    """A domain that accepts no mail has an exchanger without a name (RFC 7505)."""
    assert dns("shop.org. MX 0 .").mx("shop.org") == (MailExchanger(0, ""),)


def test_no_records(dns: LoadZone) -> None:
    """A name that does not exist, and one that has other records, both have none of these."""
    resolver = dns(ZONE)
    assert (resolver.mx("mail.shop.org"), resolver.mx("nowhere.org")) == ((), ())
    assert (resolver.exists("mail.shop.org"), resolver.exists("nowhere.org")) == (True, False)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken.org", "broken.org in DNS: .*SERVFAIL"),
        ("silent.org", "silent.org in DNS: no answer within 0.5 s"),
        ("two..dots", "two..dots in DNS: A DNS label is empty"),
        (f"{'x' * 64}.org", "in DNS: A DNS label is > 63"),
    ],
)
def test_failed_lookups(dns: LoadZone, name: str, words: str) -> None:
    """SERVFAIL, no answer and an invalid name raise DnsLookupFailed, within the time limit."""
    began = time.monotonic()
    with pytest.raises(DnsLookupFailed, match=words):
        dns("").txt(name)
    assert time.monotonic() - began < 2


def test_docker_name_server(dns: LoadZone) -> None:
    """A private address from Docker's name server is rejected: it belongs to a container."""
    resolver = dns("mail.shop.org. A 172.18.0.3")
    assert resolver.addresses("mail.shop.org") == ("172.18.0.3",)
    resolver._resolver.nameservers = ["127.0.0.11"]  # noqa: SLF001 - no test server can listen there
    with pytest.raises(DnsLookupFailed):
        resolver.addresses("mail.shop.org")
