"""DMARC records."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_check import dmarc
from mail_check.finding import Status
from mail_check.lookup import Dns

KnowZone = Callable[[str], Dns]


@pytest.mark.parametrize(
    ("records", "status", "words"),
    [
        pytest.param([], Status.WARNING, "has none", id="none"),
        pytest.param(["v=spf1 -all"], Status.WARNING, "has none", id="another record"),
        pytest.param(["v=DMARC1; p=none"], Status.OK, "p=none", id="none as a policy"),
        pytest.param(["v=DMARC1 ;p=Reject;; rua=mailto:a@shop.org;"], Status.OK, "p=Reject", id="spaces and capitals"),
        pytest.param(["v=DMARC1"], Status.FAILED, "p= is none of", id="no policy"),
        pytest.param(["v=DMARC1; p=yes"], Status.FAILED, "p=yes is none of", id="unknown policy"),
        pytest.param(["v=DMARC1; p=none; rua"], Status.FAILED, "'rua' is no tag", id="no tag"),
        pytest.param(["v=DMARC1; p=none", "v=DMARC1; p=reject"], Status.FAILED, "2 records", id="two"),
    ],
)
def test_records(dns: KnowZone, records: list[str], status: Status, words: str) -> None:
    """One record with a policy that there is."""
    found = dmarc.look("shop.org", dns("".join(f'_dmarc.shop.org. TXT "{record}"\n' for record in records)))
    assert status == found.status, found
    assert words in found.message


def test_of_the_domain_above(dns: KnowZone) -> None:
    """A subdomain's mail falls under the record of the domain above, and one of its own comes first."""
    above = '_dmarc.shop.org. TXT "v=DMARC1; p=none"\n'
    assert "at _dmarc.shop.org" in dmarc.look("news.eu.shop.org", dns(above)).message
    own = '_dmarc.eu.shop.org. TXT "v=DMARC1; p=reject"\n'
    assert "at _dmarc.eu.shop.org" in dmarc.look("news.eu.shop.org", dns(above + own)).message


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever stands in a record, it is read, or told to be broken."""
    try:
        tags = dmarc.parse(f"v=DMARC1;{text}")
    except dmarc.DmarcBroken:
        return
    assert tags["p"].lower() in dmarc.POLICIES
