"""Validation and normal form of addresses and domains."""

from contextlib import suppress

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from mail_api.addresses import (
    Mailbox,
    parse_address,
    parse_address_or_domain,
    parse_domain,
    parse_mailbox,
    parse_sender,
)


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
        pytest.param("e\u0301@x.org", Mailbox("\u00e9@x.org"), id="in one form"),
        pytest.param("<a@x.org>", Mailbox("a@x.org"), id="angle brackets"),
        pytest.param("'a@x.org'", Mailbox("a@x.org"), id="apostrophes"),
        pytest.param('"a@x.org"', Mailbox("a@x.org"), id="quotation marks"),
        pytest.param("\u201ea@x.org\u201c", Mailbox("a@x.org"), id="typographic quotation marks"),
        pytest.param("(a@x.org)", Mailbox("a@x.org"), id="parentheses"),
        pytest.param("<o'neill@x.org>", Mailbox("o'neill@x.org"), id="apostrophe within"),
        pytest.param("mailto:a@x.org", Mailbox("a@x.org"), id="mailto"),
        pytest.param("<MailTo:a@x.org?subject=Hi>", Mailbox("a@x.org"), id="mailto in brackets, with a subject"),
        pytest.param("Anna <mailto:a@x.org>", Mailbox("a@x.org", "Anna"), id="mailto behind a name"),
        pytest.param("a@x.org\u00a0", Mailbox("a@x.org"), id="no-break space"),
        pytest.param("\u200ba\u00ad@x.\u2060org\ufeff", Mailbox("a@x.org"), id="invisible characters"),
        pytest.param("\u202aAnna\u202c <a@x.org>", Mailbox("a@x.org", "Anna"), id="direction marks"),
        pytest.param("a@x.org.", Mailbox("a@x.org"), id="point behind"),
        pytest.param("a@x.org,", Mailbox("a@x.org"), id="comma behind"),
        pytest.param("Lee, Anna <a@x.org>", Mailbox("a@x.org", "Lee, Anna"), id="comma without quotes"),
        pytest.param("Lee, Anna, M.A. <a@x.org>", Mailbox("a@x.org", "Lee, Anna, M.A."), id="two commas"),
        pytest.param("'Anna Lee' <a@x.org>", Mailbox("a@x.org", "Anna Lee"), id="name in apostrophes"),
        pytest.param("taro..y@docomo.ne.jp", Mailbox('"taro..y"@docomo.ne.jp'), id="two points"),
        pytest.param("Taro <taro.@EZweb.ne.jp>", Mailbox('"taro."@ezweb.ne.jp', "Taro"), id="point at the end"),
        pytest.param(".taro@t.vodafone.ne.jp", Mailbox('".taro"@t.vodafone.ne.jp'), id="point at the start"),
        pytest.param('"taro..y"@docomo.ne.jp', Mailbox('"taro..y"@docomo.ne.jp'), id="quoted already"),
        pytest.param("taro.y@docomo.ne.jp", Mailbox("taro.y@docomo.ne.jp"), id="carrier, plain"),
    ],
)
def test_mailboxes(text: str, expected: Mailbox) -> None:
    """A mailbox is an address, or a name and an address."""
    assert parse_mailbox(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Anna Lee (a@x.org)",
        "a@x.org (Anna Lee)",
        "<a@x.org>, <b@y.org>",
        "a@x.org; b@y.org",
        "Lee (Anna) <a@x.org>",
        "a@x.org <b@y.org>",
    ],
)
def test_words(text: str) -> None:
    """Where the meaning is not certain, the error shows the forms that are accepted."""
    with pytest.raises(ValueError, match=r"must be one address: anna@example\.org, Anna Lee <anna@example\.org> or "):
        parse_mailbox(text)


@pytest.mark.parametrize("text", ["anna..lee@gmail.com", ".a@x.org", "a.@x.org", '"a b"@docomo.ne.jp'])
def test_points_elsewhere(text: str) -> None:
    """Points that only some carriers allow are a typing error at all other domains."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_mailbox(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("noreply@Example.org", "noreply@example.org", id="address"),
        pytest.param("Website <noreply@example.org>", "Website <noreply@example.org>", id="name"),
        pytest.param(" <noreply@example.org> ", "noreply@example.org", id="brackets alone"),
    ],
)
def test_sender(text: str, expected: str) -> None:
    """DEFAULT_FROM is an address, with a name or without."""
    assert parse_sender(text) == expected


@pytest.mark.parametrize(
    "text",
    ["Website", "Website <hi>", "a\nb <hi@x.org>", "W <é@x.org>", "W <hi@müller.example>", "W <a@x.org> <b@x.org>"],
    ids=ascii,
)
def test_no_sender(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_sender(text)


@pytest.mark.parametrize(
    "text",
    [
        '"" <a@x.org>',
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
