"""Validation and normal form of addresses and domains."""

from contextlib import suppress

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from mail_api.addresses import Mailbox, parse_address, parse_address_or_domain, parse_domain, parse_mailbox


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Anna@Example.COM", "Anna@example.com", id="domain in lower case"),
        pytest.param(" a@x.org ", "a@x.org", id="spaces around"),
        pytest.param("alerts@dinky.local", "alerts@dinky.local", id="a home server"),
        pytest.param("a@mydomain.test", "a@mydomain.test", id="a test domain"),
        pytest.param("a@münchen.example", "a@xn--mnchen-3ya.example", id="international domain"),
        pytest.param("a+tag@x.org", "a+tag@x.org", id="tag"),
    ],
)
def test_taken(text: str, expected: str) -> None:
    """A valid address is returned in ASCII."""
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@localhost",
        "a@x.org, b@y.org",
        "a@x.org\nBcc: b@y.org",
        "a@x.org\n",
        "a@x.org> AUTH=<",
        "Anna <a@x.org>",
        '"a b"@x.org',
        "a@[127.0.0.1]",
        "é@x.org",
        "a@x..local",
        "@dinky.local",
        "a\0@x.org",
        f"{'a' * 65}@x.org",
    ],
    ids=ascii,
)
def test_refused(text: str) -> None:
    """Lists, names, brackets, control characters and international local parts are rejected, without repeating them."""
    with pytest.raises(ValueError, match=r"\w") as raised:
        parse_address(text)
    assert len(text) <= 1 or text not in str(raised.value)


_LOCAL_PARTS = st.text("aZ9_+-.", min_size=1, max_size=66) | st.sampled_from(["Info", "POSTMASTER", "Anna"])
_DOMAINS = st.text("aZ9-.", min_size=1, max_size=40) | st.sampled_from(["x.org", "Gmail.com", "home.local", "a.test"])


@given(_LOCAL_PARTS, _DOMAINS)
def test_plain_addresses(local: str, domain: str) -> None:
    """The shortcut for plain addresses has the same results as the library."""
    address = f"{local}@{domain}"
    suffix = ".example" if domain.lower().endswith(".local") else ""
    expected, found = "", ""
    with suppress(EmailNotValidError):
        checked = validate_email(address + suffix, check_deliverability=False, strict=True, test_environment=True)
        expected = f"{checked.local_part}@{checked.ascii_domain}".removesuffix(suffix)
    with suppress(ValueError):
        found = parse_address(address)
    assert expected == found


def test_domains() -> None:
    """A domain is lower-cased; an entry with an @ is an address."""
    assert parse_domain("Example.ORG") == "example.org"
    assert parse_address_or_domain("example.org") == "example.org"
    assert parse_address_or_domain("me@example.org") == "me@example.org"
    with pytest.raises(ValueError, match="is not a domain name"):
        parse_domain("no domain")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a@x.org", Mailbox("a@x.org"), id="bare"),
        pytest.param("Anna Lee <a@X.org>", Mailbox("a@x.org", "Anna Lee"), id="named"),
        pytest.param("Anna<a@x.org>", Mailbox("a@x.org", "Anna"), id="without a space"),
        pytest.param('"Lee, Anna" <a@x.org>', Mailbox("a@x.org", "Lee, Anna"), id="comma"),
        pytest.param(r'"Anna \"Al\" Lee" <a@x.org>', Mailbox("a@x.org", 'Anna "Al" Lee'), id="quotes"),
        pytest.param("Zoë 🎉 <a@x.org>", Mailbox("a@x.org", "Zoë 🎉"), id="emoji"),
        pytest.param("علي <a@x.org>", Mailbox("a@x.org", "علي"), id="right to left"),
        pytest.param("用户@例子.example", Mailbox("用户@xn--fsqu00a.example"), id="international"),
        pytest.param("e\u0301@x.org", Mailbox("\u00e9@x.org"), id="normalized"),
    ],
)
def test_mailboxes(text: str, expected: Mailbox) -> None:
    """A mailbox is an address, or a name and an address."""
    assert parse_mailbox(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<a@x.org>",
        '"" <a@x.org>',
        "Lee, Anna <a@x.org>",
        "a@x.org, b@y.org",
        "a@x.org <b@y.org>",
        "Anna <a@x.org> b",
        "Anna <a@x.org>, Ben <b@y.org>",
        "Anna <a@x.org",
        "Anna (Lee) <a@x.org>",
        'Anna "Lee <a@x.org>',
        "Anna <>",
        f"{'a' * 2000} <a@x.org>",
        " " * 100_000 + "<a@x.org>",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_no_mailbox(text: str) -> None:
    """Lists, and names that RFC 5322 requires in quotes, are rejected."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_mailbox(text)
