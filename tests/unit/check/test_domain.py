"""MX, address, PTR and DKIM of a domain."""

from collections.abc import Callable

import pytest

from mail_check import domain
from mail_check.finding import Status
from mail_check.lookup import Dns
from tests.unit.check.conftest import DIRECT, stack_of

KnowZone = Callable[[str], Dns]

HERE = "mail.shop.org. A 193.0.6.139\n"
"""A public address; those for documentation count as private."""


@pytest.mark.parametrize(
    ("zone", "forward", "status", "words"),
    [
        pytest.param(f"{HERE}shop.org. MX 10 mail.shop.org.", "me@x.org", Status.OK, "comes here", id="our name"),
        pytest.param(
            f"{HERE}shop.org. MX 10 mx.shop.org.\nmx.shop.org. A 193.0.6.139",
            "me@x.org",
            Status.OK,
            "comes here",
            id="our address",
        ),
        pytest.param(
            "shop.org. MX 1 smtp.google.com.", "me@x.org", Status.WARNING, "1 smtp.google.com", id="elsewhere"
        ),
        pytest.param("shop.org. MX 1 smtp.google.com.", "", Status.OK, "goes elsewhere", id="elsewhere, as meant"),
        pytest.param("shop.org. MX 0 .", "me@x.org", Status.WARNING, "goes elsewhere (0 .)", id="null MX"),
        pytest.param("shop.org. A 193.0.6.139", "me@x.org", Status.WARNING, "has none", id="no MX"),
        pytest.param("", "me@x.org", Status.FAILED, "there is no domain shop.org", id="no domain"),
    ],
)
def test_mx(dns: KnowZone, zone: str, forward: str, status: Status, words: str) -> None:
    """Mail for the domain is expected here when FORWARD_EMAIL says so."""
    found = domain.mx(stack_of(FORWARD_EMAIL=forward), dns(zone))
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize(
    ("zone", "status", "words"),
    [
        pytest.param(HERE, Status.OK, "mail.shop.org is 193.0.6.139", id="public"),
        pytest.param("mail.shop.org. A 192.168.1.5", Status.WARNING, "192.168.1.5, which nobody outside", id="private"),
        pytest.param("", Status.WARNING, "has no address", id="none"),
    ],
)
def test_address(dns: KnowZone, zone: str, status: Status, words: str) -> None:
    """MAIL_HOSTNAME has an address that can be reached from outside."""
    found = domain.address(stack_of(), dns(zone))
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize(
    ("name", "behind_relay", "direct"),
    [
        ("mail.shop.org", Status.OK, Status.OK),
        ("static-5.provider.org", Status.OK, Status.FAILED),
        ("", Status.OK, Status.FAILED),
    ],
)
def test_pointer(dns: KnowZone, name: str, behind_relay: Status, direct: Status) -> None:
    """Who delivers directly needs an address that is called as he calls himself."""
    lookup = dns(HERE + (f"139.6.0.193.in-addr.arpa. PTR {name}.\n" if name else ""))
    assert behind_relay == domain.pointer(stack_of(), lookup).status
    assert direct == domain.pointer(stack_of(**DIRECT), lookup).status
    assert (name or "nothing") in domain.pointer(stack_of(**DIRECT), lookup).message


def test_pointer_of_nothing(dns: KnowZone) -> None:
    """Without an address there is nothing to ask for, which direct delivery can't do without."""
    assert domain.pointer(stack_of(**DIRECT), dns("")).status is Status.FAILED


def test_dkim(dns: KnowZone) -> None:
    """Keys under usual names are told; that there is none is no fault."""
    found = domain.dkim(stack_of(), dns('google._domainkey.shop.org. TXT "v=DKIM1; k=rsa; p=MIIB"\n'))
    assert "keys under google" in found.message
    assert domain.dkim(stack_of(), dns("")).status is Status.OK


@pytest.mark.parametrize(
    ("name", "reserved"),
    [
        ("dinky.example", True),
        ("a.example.com", True),
        ("example.org", True),
        ("x.test", True),
        ("myexample.org", False),
        ("shop.org", False),
    ],
)
def test_reserved(name: str, reserved: bool) -> None:  # noqa: FBT001 - the table's column
    """Domains that nobody can own are not looked up."""
    assert reserved == domain.is_reserved(name)
