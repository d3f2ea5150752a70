"""API keys in the ledger."""

import re

import pytest

from mail_ledger import LedgerError
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.key_limits import KeyLimits
from tests.unit.ledger.fakes import NOW, Clock


def test_created_key_is_verified(ledger: ApiLedger) -> None:
    """A created key is valid, with the limits and senders it was created with."""
    plain = ledger.keys.create("web", important=True, limits=KeyLimits(50, 6), allowed_senders=["Hi@x.org", "y.org"])
    key = ledger.keys.verify(plain)
    assert key is not None
    assert ("web", True, KeyLimits(50, 6), NOW, None) == (
        *(key.name, key.important, key.limits, key.created),
        key.last_used,
    )
    assert [True, True, False] == [key.allows_sender(one) for one in ("hi@X.org", "a@y.org", "a@x.org")]


def test_key_has_a_prefix_and_128_random_bits(ledger: ApiLedger) -> None:
    """A key begins with `dm_`, and two keys share nothing else."""
    first, second = ledger.keys.create("a"), ledger.keys.create("b")
    assert re.fullmatch(r"dm_[0-9a-f]{8}_[0-9a-f]{32}", first)
    assert first.split("_")[1:] != second.split("_")[1:]


def test_secret_is_not_stored(ledger: ApiLedger) -> None:
    """The listed keys do not contain the secret."""
    plain = ledger.keys.create("web")
    assert plain.rpartition("_")[2] not in repr(ledger.keys.list())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda plain: plain[:-1] + ("0" if plain[-1] != "0" else "1"), id="wrong secret"),
        pytest.param(lambda plain: "dm_00000000" + plain[11:], id="unknown prefix"),
        pytest.param(lambda plain: plain + " ", id="longer"),
        pytest.param(lambda plain: plain.upper(), id="upper case"),
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: "dm_\udce4\x00'; --", id="garbage"),
    ],
)
def test_other_texts_are_no_key(ledger: ApiLedger, change: "type[str]") -> None:
    """A text that differs from the key is not valid."""
    assert ledger.keys.verify(change(ledger.keys.create("web"))) is None


def test_revoked_key_is_invalid(ledger: ApiLedger) -> None:
    """A revoked key is not valid, and stays in the list."""
    plain = ledger.keys.create("web")
    ledger.keys.revoke("web")
    assert ledger.keys.verify(plain) is None
    assert [NOW] == [key.revoked for key in ledger.keys.list()]


def test_name_is_free_after_revocation(ledger: ApiLedger) -> None:
    """A name belongs to one valid key at a time, and can be used again after its revocation."""
    ledger.keys.create("web")
    with pytest.raises(LedgerError, match="already a key named web"):
        ledger.keys.create("web")
    ledger.keys.revoke("web")
    assert ledger.keys.verify(ledger.keys.create("web")) is not None
    assert len(ledger.keys.list()) == 2


def test_revoking_an_unknown_key_fails(ledger: ApiLedger) -> None:
    """Revoking an unknown key raises an error."""
    with pytest.raises(LedgerError, match="no valid key named web"):
        ledger.keys.revoke("web")


@pytest.mark.parametrize(
    ("name", "limits", "senders"),
    [
        pytest.param("", KeyLimits(), (), id="no name"),
        pytest.param("a b", KeyLimits(), (), id="blank in name"),
        pytest.param("x" * 65, KeyLimits(), (), id="long name"),
        pytest.param("web", KeyLimits(0, None), (), id="limit of 0"),
        pytest.param("web", KeyLimits(None, -1), (), id="negative limit"),
        pytest.param("web", KeyLimits(), ("A <a@x.org>",), id="sender with name"),
        pytest.param("web", KeyLimits(), ("",), id="empty sender"),
    ],
)
def test_unusable_keys_are_refused(ledger: ApiLedger, name: str, limits: KeyLimits, senders: tuple[str, ...]) -> None:
    """Invalid names, limits and senders are rejected, and nothing is stored."""
    with pytest.raises(ValueError, match=r"name|limit|sender"):
        ledger.keys.create(name, limits=limits, allowed_senders=senders)
    assert ledger.keys.list() == []


def test_requests_are_counted_by_the_minute(ledger: ApiLedger, clock: Clock) -> None:
    """A request above the limit returns when the next minute begins; then the count starts again."""
    key = ledger.keys.verify(ledger.keys.create("web", limits=KeyLimits(None, 2)))
    assert key is not None
    assert [(1, None), (2, None), (3, NOW + 60)] == [ledger.keys.count_request(key) for _ in range(3)]
    clock.advance(60)
    assert (1, None) == ledger.keys.count_request(key)
    assert [clock.now] == [key.last_used for key in ledger.keys.list()]


def test_requests_without_a_limit(ledger: ApiLedger) -> None:
    """Requests of a key without a limit are counted and never limited."""
    key = ledger.keys.verify(ledger.keys.create("web"))
    assert key is not None
    assert {None} == {ledger.keys.count_request(key).retry_at for _ in range(20)}
