"""DNS, asked of a real server."""

import time
from collections.abc import Callable

import pytest

from mail_check.lookup import Dns, LookupFailed, MailExchanger

KnowZone = Callable[[str], Dns]

ZONE = """
shop.org. MX 20 second.shop.org.
shop.org. MX 10 mail.shop.org.
shop.org. TXT "v=spf1 " "mx ~all"
shop.org. TXT "other"
mail.shop.org. A 203.0.113.5
mail.shop.org. AAAA 2001:db8::5
5.113.0.203.in-addr.arpa. PTR Mail.Shop.org.
"""


def test_records(dns: KnowZone) -> None:
    """Each kind of record is read, and what belongs together is put together."""
    lookup = dns(ZONE)
    assert lookup.mx("shop.org") == (MailExchanger(10, "mail.shop.org"), MailExchanger(20, "second.shop.org"))
    assert sorted(lookup.txt("shop.org")) == ["other", "v=spf1 mx ~all"]
    assert lookup.addresses("mail.shop.org") == ("203.0.113.5", "2001:db8::5")
    assert lookup.names_of("203.0.113.5") == ("mail.shop.org",)


def test_null_mx(dns: KnowZone) -> None:
    """A domain that takes no mail has an exchanger without a name (RFC 7505)."""
    assert dns("shop.org. MX 0 .").mx("shop.org") == (MailExchanger(0, ""),)


def test_nothing_there(dns: KnowZone) -> None:
    """A name that does not exist, and one that has other records, both have none of these."""
    lookup = dns(ZONE)
    assert (lookup.mx("mail.shop.org"), lookup.mx("nowhere.org")) == ((), ())
    assert (lookup.exists("mail.shop.org"), lookup.exists("nowhere.org")) == (True, False)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken.org", "broken.org in DNS: .*SERVFAIL"),
        ("silent.org", "silent.org in DNS: no answer within 0.5 s"),
        ("two..dots", "two..dots in DNS: A DNS label is empty"),
        (f"{'x' * 64}.org", "in DNS: A DNS label is > 63"),
    ],
)
def test_nobody_knows(dns: KnowZone, name: str, words: str) -> None:
    """SERVFAIL, silence and what is no name are told apart from a name that is not there, and soon."""
    began = time.monotonic()
    with pytest.raises(LookupFailed, match=words):
        dns("").txt(name)
    assert time.monotonic() - began < 2


def test_dockers_name_server(dns: KnowZone) -> None:
    """What Docker's name server says of a container's name is not what the world is told."""
    lookup = dns("mail.shop.org. A 172.18.0.3")
    assert lookup.addresses("mail.shop.org") == ("172.18.0.3",)
    lookup._resolver.nameservers = ["127.0.0.11"]  # noqa: SLF001 - nobody else is at that address
    with pytest.raises(LookupFailed):
        lookup.addresses("mail.shop.org")
