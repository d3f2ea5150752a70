"""SPF records: valid, allow our relay or address, restrict other senders."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_check.checks import spf
from mail_check.dns_resolver import DnsLookupFailed, DnsResolver
from mail_check.results import CheckStatus

LoadZone = Callable[[str], DnsResolver]

GMAIL = "smtp.gmail.com"
GOOGLE = '_spf.google.com. TXT "v=spf1 include:_netblocks.google.com ~all"\n'
GOOGLE += '_netblocks.google.com. TXT "v=spf1 ip4:35.190.247.0/24 ~all"\n'


def txt(record: str, name: str = "shop.org") -> str:
    """Return the line of a zone."""
    return f'{name}. TXT "{record}"\n'


@pytest.mark.parametrize(
    ("records", "status", "words"),
    [
        pytest.param([], CheckStatus.WARNING, "has none", id="none"),
        pytest.param(["v=spf10 all", "verification=x"], CheckStatus.WARNING, "has none", id="others only"),
        pytest.param(["v=spf1 include:_spf.google.com ~all"], CheckStatus.OK, "v=spf1", id="Gmail named"),
        pytest.param(["v=spf1 redirect=_spf.google.com"], CheckStatus.OK, "v=spf1", id="redirect"),
        pytest.param(["V=SPF1 Include:_SPF.google.com -ALL"], CheckStatus.OK, "-ALL", id="capitals"),
        pytest.param(["v=spf1 mx ~all"], CheckStatus.WARNING, "does not name the relay", id="Gmail not named"),
        pytest.param(
            ["v=spf1 -include:_spf.google.com ~all"], CheckStatus.WARNING, "does not name", id="Gmail forbidden"
        ),
        pytest.param(["v=spf1 include:_spf.google.com"], CheckStatus.WARNING, "other senders", id="no all"),
        pytest.param(["v=spf1 include:_spf.google.com ?all"], CheckStatus.WARNING, "other senders", id="neutral all"),
        pytest.param(["v=spf1 +all"], CheckStatus.FAILED, "allows every sender", id="all"),
        pytest.param(["v=spf1 ~all", "v=spf1 -all"], CheckStatus.FAILED, "2 records", id="two"),
        pytest.param(
            ["v=spf1 includes:x.org ~all"], CheckStatus.FAILED, "'includes:x.org' is not a mechanism", id="typo"
        ),
        pytest.param(["v=spf1 ip4:300.1.1.1 ~all"], CheckStatus.FAILED, "is not an address", id="no address"),
        pytest.param(
            ["v=spf1 include:nowhere.org ~all"], CheckStatus.FAILED, "has no SPF record", id="include of nothing"
        ),
        pytest.param(
            ["v=spf1 include:shop.org ~all"], CheckStatus.FAILED, "more than 10 look-ups", id="includes itself"
        ),
        pytest.param([f"v=spf1 {'a ' * 11} ~all"], CheckStatus.FAILED, "more than 10 look-ups", id="eleven look-ups"),
    ],
)
def test_behind_gmail(dns: LoadZone, records: list[str], status: CheckStatus, words: str) -> None:
    """Behind Gmail a domain needs exactly one valid record that includes Google's servers and restricts others."""
    found = spf.check_spf("shop.org", "mail.shop.org", GMAIL, dns(GOOGLE + "".join(map(txt, records))))
    assert status == found.status, found
    assert words in found.message
    assert bool(found.fix) == (status is not CheckStatus.OK)


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ("v=spf1 ip4:203.0.113.5 -all", True),
        ("v=spf1 ip4:203.0.113.0/24 -all", True),
        ("v=spf1 a:mail.shop.org -all", True),
        ("v=spf1 mx -all", True),
        ("v=spf1 mx/24 -all", True),
        ("v=spf1 include:other.org -all", True),
        ("v=spf1 a -all", False),
        ("v=spf1 -mx ip4:198.51.100.1 -all", False),
        ("v=spf1 exists:%{i}.shop.org -all", False),
    ],
)
def test_direct_delivery(dns: LoadZone, record: str, named: bool) -> None:  # noqa: FBT001 - the table's column
    """Without a relay the record has to allow our own address, by any mechanism."""
    zone = "mail.shop.org. A 203.0.113.5\nshop.org. MX 10 mail.shop.org.\n" + txt(
        "v=spf1 mx:shop.org ?all", "other.org"
    )
    found = spf.check_spf("shop.org", "mail.shop.org", None, dns(zone + txt(record)))
    assert named == (found.status is CheckStatus.OK), found
    assert named or "our address 203.0.113.5" in found.message


def test_unknown_relay(dns: LoadZone) -> None:
    """For a relay without a known include, any valid record is ok."""
    found = spf.check_spf(
        "shop.org",
        "mail.shop.org",
        "smtp.other.org",
        dns(txt("v=spf1 include:other.org -all") + txt("v=spf1 -all", "other.org")),
    )
    assert found.status is CheckStatus.OK


@pytest.mark.parametrize(
    ("record", "target", "status", "words"),
    [
        pytest.param("redirect=x.org", "ip4:192.0.2.1 -all", CheckStatus.OK, "redirect=x.org", id="redirect to -all"),
        pytest.param("redirect=x.org", "+all", CheckStatus.FAILED, "allows every sender", id="redirect to +all"),
        pytest.param(
            "redirect=x.org", "all", CheckStatus.FAILED, "allows every sender", id="redirect to all without a sign"
        ),
        pytest.param("redirect=x.org", "mx ?all", CheckStatus.WARNING, "other senders", id="redirect to ?all"),
        pytest.param(
            "redirect=x.org", "mx", CheckStatus.WARNING, "other senders", id="redirect to a record without all"
        ),
        pytest.param("redirect=x.org", "redirect=y.org", CheckStatus.FAILED, "allows every sender", id="two redirects"),
        pytest.param("redirect=none.org", "-all", CheckStatus.FAILED, "has no SPF record", id="redirect to nothing"),
        pytest.param(
            "redirect=x.org redirect=x.org", "-all", CheckStatus.FAILED, "more than once", id="redirect twice"
        ),
        pytest.param("redirect=%{d}.x.org", "-all", CheckStatus.OK, "redirect=", id="redirect with a macro"),
        pytest.param("include:x.org ~all", "+all", CheckStatus.FAILED, "allows every sender", id="include of +all"),
        pytest.param(
            "include:x.org ~all", "redirect=y.org", CheckStatus.FAILED, "allows every", id="include, redirect"
        ),
        pytest.param("-include:x.org ~all", "+all", CheckStatus.OK, "-include", id="include that is forbidden"),
        pytest.param("~all include:x.org", "+all", CheckStatus.OK, "~all", id="include behind all"),
        pytest.param("-all +all", "-all", CheckStatus.OK, "-all", id="the first all applies"),
    ],
)
def test_referred_records(dns: LoadZone, record: str, target: str, status: CheckStatus, words: str) -> None:
    """The `all` that applies may be in a record that is redirected to, or included."""
    zone = txt(f"v=spf1 {record}") + txt(f"v=spf1 {target}", "x.org") + txt("v=spf1 +all", "y.org")
    found = spf.check_spf("shop.org", "mail.shop.org", "smtp.other.org", dns(zone))
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize("record", ["redirect=_spf.google.com -all", "-all redirect=_spf.google.com"])
def test_redirect_beside_all(dns: LoadZone, record: str) -> None:
    """A redirect is ignored when `all` is anywhere in the record (RFC 7208 section 6.1)."""
    found = spf.check_spf("shop.org", "mail.shop.org", GMAIL, dns(GOOGLE + txt(f"v=spf1 {record}")))
    assert (found.status, "does not name the relay" in found.message) == (CheckStatus.WARNING, True)
    unanswered = dns(txt(f"v=spf1 {record}".replace("_spf.google.com", "broken.org")))
    assert spf.check_spf("shop.org", "mail.shop.org", "smtp.other.org", unanswered).status is CheckStatus.OK


@pytest.mark.parametrize("name", ["broken.org", "silent.org"])
def test_dns_does_not_answer(dns: LoadZone, name: str) -> None:
    """An include without an answer from DNS raises DnsLookupFailed."""
    with pytest.raises(DnsLookupFailed):
        spf.check_spf("shop.org", "mail.shop.org", GMAIL, dns(txt(f"v=spf1 include:{name} ~all")))


@given(st.lists(st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1), max_size=5))
def test_any_text(words: list[str]) -> None:
    """Any text is either parsed or rejected as invalid."""
    try:
        terms = spf.parse_spf(f"v=spf1 {' '.join(words)}")
    except spf.SpfInvalid:
        return
    assert all(term.name for term in terms)


@pytest.mark.slow
@given(st.from_regex(r"[+?~-]?(all|a|mx|ptr)(:[a-z]{1,9}\.org)?", fullmatch=True))
def test_term(word: str) -> None:
    """A term is read as sign, name and value."""
    (term,) = spf.parse_spf(f"v=spf1 {word}")
    assert word.lstrip("+") == f"{term.sign}{term.name}{':' if term.value else ''}{term.value}".lstrip("+")
