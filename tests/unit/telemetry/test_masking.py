"""Masking of addresses."""

import time

import pytest

from mail_telemetry.masking import domain_of, mask_address, mask_text


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("anna@example.org", "a***@example.org", id="plain"),
        pytest.param("a@example.org", "a***@example.org", id="one character"),
        pytest.param('"x@y"@example.org', '"***@example.org', id="quoted local part"),
        pytest.param("root", "r***", id="no domain"),
        pytest.param("", "***", id="empty"),
    ],
)
def test_mask_address(address: str, expected: str) -> None:
    """The local part is reduced to its first character."""
    assert expected == mask_address(address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "550 5.1.1 <anna@example.org>: no such user", "550 5.1.1 <a***@example.org>: no such user", id="reply"
        ),
        pytest.param("from=<a.b+c@x.org> to=<d@y.org>", "from=<a***@x.org> to=<d***@y.org>", id="two"),
        pytest.param("anna@[192.0.2.1]", "a***@[192.0.2.1]", id="address literal"),
        pytest.param('<"an na"@x.org>', '<"***@x.org>', id="quoted, with a space"),
        pytest.param("sean.o'brien@x.org", "s***@x.org", id="apostrophe"),
        pytest.param("<a,b@x.org>", "<a***@x.org>", id="comma in brackets"),
        pytest.param("nothing here", "nothing here", id="none"),
    ],
)
def test_mask_text(text: str, expected: str) -> None:
    """Every address in a text is masked."""
    assert expected == mask_text(text)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("anna@Example.ORG", "example.org"), ("root", ""), ("a@b@c.org", "c.org")],
    ids=["upper case", "none", "two"],
)
def test_domain_of(address: str, expected: str) -> None:
    """The domain is the part after the last @."""
    assert expected == domain_of(address)


def test_all_addresses_of_a_word() -> None:
    """Adjacent addresses without a blank are masked together."""
    for text in ("a.b@x.org+c.d@y.org", "a.b@x.org@c.d@y.org", "x=anna@x.org;berta@y.org"):
        masked = mask_text(text)
        assert [part for part in ("a.b", "c.d", "anna", "berta") if part in masked] == [], masked


def test_long_words_take_linear_time() -> None:
    """Masking a long word without an address takes linear time."""
    started = time.thread_time()
    assert mask_text("@" + "a" * 100_000).endswith("a")
    assert time.thread_time() - started < 1
