"""DNS checks: MX, address, PTR, DKIM and DMARC."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_check.checks import dns as checks
from mail_check.dns_resolver import DnsResolver
from mail_check.results import CheckStatus
from tests.unit.check.conftest import DIRECT, mail_settings

LoadZone = Callable[[str], DnsResolver]

HERE = "mail.shop.org. A 193.0.6.139\n"
"""A public address; those for documentation count as private."""


@pytest.mark.parametrize(
    ("zone", "forward", "status", "words"),
    [
        pytest.param(f"{HERE}shop.org. MX 10 mail.shop.org.", "me@x.org", CheckStatus.OK, "comes here", id="our name"),
        pytest.param(
            f"{HERE}shop.org. MX 10 mx.shop.org.\nmx.shop.org. A 193.0.6.139",
            "me@x.org",
            CheckStatus.OK,
            "comes here",
            id="our address",
        ),
        pytest.param(
            "shop.org. MX 1 smtp.google.com.", "me@x.org", CheckStatus.WARNING, "1 smtp.google.com", id="elsewhere"
        ),
        pytest.param(
            "shop.org. MX 1 smtp.google.com.", "", CheckStatus.OK, "goes elsewhere", id="elsewhere, without forwarding"
        ),
        pytest.param("shop.org. MX 0 .", "me@x.org", CheckStatus.WARNING, "goes elsewhere (0 .)", id="null MX"),
        pytest.param("shop.org. A 193.0.6.139", "me@x.org", CheckStatus.WARNING, "has none", id="no MX"),
        pytest.param("", "me@x.org", CheckStatus.FAILED, "there is no domain shop.org", id="no domain"),
    ],
)
def test_mx(dns: LoadZone, zone: str, forward: str, status: CheckStatus, words: str) -> None:
    """Mail for the domain is expected at this host when FORWARD_EMAIL is set."""
    found = checks.check_mx(mail_settings(FORWARD_EMAIL=forward), dns(zone))
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize(
    ("zone", "status", "words"),
    [
        pytest.param(HERE, CheckStatus.OK, "mail.shop.org is 193.0.6.139", id="public"),
        pytest.param(
            "mail.shop.org. A 192.168.1.5", CheckStatus.WARNING, "192.168.1.5, which cannot be reached", id="private"
        ),
        pytest.param("", CheckStatus.WARNING, "has no address", id="none"),
    ],
)
def test_address(dns: LoadZone, zone: str, status: CheckStatus, words: str) -> None:
    """MAIL_HOSTNAME has an address that can be reached from outside."""
    found = checks.check_address(mail_settings(), dns(zone))
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize(
    ("name", "behind_relay", "direct"),
    [
        ("mail.shop.org", CheckStatus.OK, CheckStatus.OK),
        ("static-5.provider.org", CheckStatus.OK, CheckStatus.FAILED),
        ("", CheckStatus.OK, CheckStatus.FAILED),
    ],
)
def test_ptr(dns: LoadZone, name: str, behind_relay: CheckStatus, direct: CheckStatus) -> None:
    """For direct delivery the reverse DNS of our address has to be our own name."""
    resolver = dns(HERE + (f"139.6.0.193.in-addr.arpa. PTR {name}.\n" if name else ""))
    assert behind_relay == checks.check_ptr(mail_settings(), resolver).status
    assert direct == checks.check_ptr(mail_settings(**DIRECT), resolver).status
    assert (name or "nothing") in checks.check_ptr(mail_settings(**DIRECT), resolver).message


def test_ptr_without_address(dns: LoadZone) -> None:
    """Without an address there is no reverse DNS, which fails for direct delivery."""
    assert checks.check_ptr(mail_settings(**DIRECT), dns("")).status is CheckStatus.FAILED


def test_dkim(dns: LoadZone) -> None:
    """Keys under usual selectors are listed; a domain without any is ok."""
    found = checks.check_dkim(mail_settings(), dns('google._domainkey.shop.org. TXT "v=DKIM1; k=rsa; p=MIIB"\n'))
    assert "keys under google" in found.message
    assert checks.check_dkim(mail_settings(), dns("")).status is CheckStatus.OK


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
    """Reserved domains are recognized."""
    assert reserved == checks.is_reserved(name)


@pytest.mark.parametrize(
    ("records", "status", "words"),
    [
        pytest.param([], CheckStatus.WARNING, "has none", id="none"),
        pytest.param(["v=spf1 -all"], CheckStatus.WARNING, "has none", id="another record"),
        pytest.param(["v=DMARC1; p=none"], CheckStatus.OK, "p=none", id="none as a policy"),
        pytest.param(
            ["v=DMARC1 ;p=Reject;; rua=mailto:a@shop.org;"], CheckStatus.OK, "p=Reject", id="spaces and capitals"
        ),
        pytest.param(["v=DMARC1"], CheckStatus.FAILED, "p= is none of", id="no policy"),
        pytest.param(["v=DMARC1; p=yes"], CheckStatus.FAILED, "p=yes is none of", id="unknown policy"),
        pytest.param(["v=DMARC1; p=none; rua"], CheckStatus.FAILED, "'rua' is not a tag", id="no tag"),
        pytest.param(["v=DMARC1; p=none", "v=DMARC1; p=reject"], CheckStatus.FAILED, "2 records", id="two"),
    ],
)
def test_dmarc(dns: LoadZone, records: list[str], status: CheckStatus, words: str) -> None:
    """A domain needs exactly one DMARC record, with a valid policy."""
    found = checks.check_dmarc("shop.org", dns("".join(f'_dmarc.shop.org. TXT "{record}"\n' for record in records)))
    assert status == found.status, found
    assert words in found.message


def test_dmarc_of_the_domain_above(dns: LoadZone) -> None:
    """The record of the domain above applies to a subdomain without one of its own."""
    above = '_dmarc.shop.org. TXT "v=DMARC1; p=none"\n'
    assert "at _dmarc.shop.org" in checks.check_dmarc("news.eu.shop.org", dns(above)).message
    own = '_dmarc.eu.shop.org. TXT "v=DMARC1; p=reject"\n'
    assert "at _dmarc.eu.shop.org" in checks.check_dmarc("news.eu.shop.org", dns(above + own)).message


@pytest.mark.slow
@given(st.text())
def test_dmarc_of_any_text(text: str) -> None:
    """Any text is either parsed or rejected as invalid."""
    try:
        tags = checks.parse_dmarc(f"v=DMARC1;{text}")
    except checks.DmarcInvalid:
        return
    assert tags["p"].lower() in checks.DMARC_POLICIES
