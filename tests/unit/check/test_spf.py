"""SPF records: which are of use, and which name our way out."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_check import spf
from mail_check.finding import Status
from mail_check.lookup import Dns, LookupFailed

KnowZone = Callable[[str], Dns]

GMAIL = "smtp.gmail.com"
GOOGLE = '_spf.google.com. TXT "v=spf1 include:_netblocks.google.com ~all"\n'
GOOGLE += '_netblocks.google.com. TXT "v=spf1 ip4:35.190.247.0/24 ~all"\n'


def txt(record: str, name: str = "shop.org") -> str:
    """Return a zone's line."""
    return f'{name}. TXT "{record}"\n'


@pytest.mark.parametrize(
    ("records", "status", "words"),
    [
        pytest.param([], Status.WARNING, "has none", id="none"),
        pytest.param(["v=spf10 all", "verification=x"], Status.WARNING, "has none", id="others only"),
        pytest.param(["v=spf1 include:_spf.google.com ~all"], Status.OK, "v=spf1", id="Gmail named"),
        pytest.param(["v=spf1 redirect=_spf.google.com"], Status.OK, "v=spf1", id="redirect"),
        pytest.param(["V=SPF1 Include:_SPF.google.com -ALL"], Status.OK, "-ALL", id="capitals"),
        pytest.param(["v=spf1 mx ~all"], Status.WARNING, "does not name the relay", id="Gmail not named"),
        pytest.param(["v=spf1 -include:_spf.google.com ~all"], Status.WARNING, "does not name", id="Gmail forbidden"),
        pytest.param(["v=spf1 include:_spf.google.com"], Status.WARNING, "other senders", id="no end"),
        pytest.param(["v=spf1 include:_spf.google.com ?all"], Status.WARNING, "other senders", id="neutral end"),
        pytest.param(["v=spf1 +all"], Status.FAILED, "lets everybody send", id="everybody"),
        pytest.param(["v=spf1 ~all", "v=spf1 -all"], Status.FAILED, "2 records", id="two"),
        pytest.param(["v=spf1 includes:x.org ~all"], Status.FAILED, "'includes:x.org' is no mechanism", id="typo"),
        pytest.param(["v=spf1 ip4:300.1.1.1 ~all"], Status.FAILED, "no address", id="no address"),
        pytest.param(["v=spf1 include:nowhere.org ~all"], Status.FAILED, "has no SPF record", id="include of nothing"),
        pytest.param(["v=spf1 include:shop.org ~all"], Status.FAILED, "more than 10 look-ups", id="includes itself"),
        pytest.param([f"v=spf1 {'a ' * 11} ~all"], Status.FAILED, "more than 10 look-ups", id="eleven look-ups"),
    ],
)
def test_behind_gmail(dns: KnowZone, records: list[str], status: Status, words: str) -> None:
    """A record has to be one, usable, name Google's servers, and end in a word about all others."""
    found = spf.look("shop.org", "mail.shop.org", GMAIL, dns(GOOGLE + "".join(map(txt, records))))
    assert status == found.status, found
    assert words in found.message
    assert bool(found.fix) == (status is not Status.OK)


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
def test_direct_delivery(dns: KnowZone, record: str, named: bool) -> None:  # noqa: FBT001 - the table's column
    """Without a relay the record has to name our own address, in whatever way."""
    zone = "mail.shop.org. A 203.0.113.5\nshop.org. MX 10 mail.shop.org.\n" + txt(
        "v=spf1 mx:shop.org ?all", "other.org"
    )
    found = spf.look("shop.org", "mail.shop.org", None, dns(zone + txt(record)))
    assert named == (found.status is Status.OK), found
    assert named or "our address 203.0.113.5" in found.message


def test_unknown_relay(dns: KnowZone) -> None:
    """What another relay wants to be named as only its provider knows."""
    found = spf.look(
        "shop.org",
        "mail.shop.org",
        "smtp.other.org",
        dns(txt("v=spf1 include:other.org -all") + txt("v=spf1 -all", "other.org")),
    )
    assert found.status is Status.OK


@pytest.mark.parametrize("name", ["broken.org", "silent.org"])
def test_could_not_look(dns: KnowZone, name: str) -> None:
    """An include that DNS does not answer for leaves the question open."""
    with pytest.raises(LookupFailed):
        spf.look("shop.org", "mail.shop.org", GMAIL, dns(txt(f"v=spf1 include:{name} ~all")))


@given(st.lists(st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1), max_size=5))
def test_any_text(words: list[str]) -> None:
    """Whatever stands in a record, it is read, or told to be broken."""
    try:
        terms = spf.parse(f"v=spf1 {' '.join(words)}")
    except spf.SpfBroken:
        return
    assert all(term.name for term in terms)


@given(st.from_regex(r"[+?~-]?(all|a|mx|ptr)(:[a-z]{1,9}\.org)?", fullmatch=True))
def test_every_term_is_read(word: str) -> None:
    """A term's sign, name and value are what stands there."""
    (term,) = spf.parse(f"v=spf1 {word}")
    assert word.lstrip("+") == f"{term.sign}{term.name}{':' if term.value else ''}{term.value}".lstrip("+")
