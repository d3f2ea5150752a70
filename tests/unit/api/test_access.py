"""Access rules: allowed recipients, origins and redirect pages."""

import pytest

from mail_api.access import AccessRules
from mail_api.errors import InvalidRequest, OriginNotAllowed, RecipientNotAllowed
from mail_api.schemas import SendRequest

RULES = AccessRules.of(("example.org", "Me@Example.com"), ("example.org", "*.example.org", "localhost:3000"), None)


def to(*addresses: str, **fields: object) -> SendRequest:
    """Return a request with these recipients."""
    return SendRequest.model_validate({"to": addresses, "subject": "x", "body": "x", **fields})


@pytest.mark.parametrize("recipient", ["anyone@example.org", "me@example.com", "ME@example.com"], ids=lambda to: to)
def test_allowed_recipients(recipient: str) -> None:
    """Listed addresses and all addresses at listed domains are allowed, ignoring case."""
    assert RULES.allows_recipient(recipient)
    RULES.check_recipients(to(recipient))


@pytest.mark.parametrize(
    "recipient",
    ["you@example.com", "a@sub.example.org", "a@notexample.org", "example.org@evil.test"],
    ids=lambda to: to,
)
def test_other_recipients(recipient: str) -> None:
    """Other addresses are rejected, also at subdomains and similar domains of those listed."""
    for field in ("to", "cc", "bcc"):
        with pytest.raises(RecipientNotAllowed, match=f"^{field}: "):
            RULES.check_recipients(to("a@example.org", **{field: [recipient, "b@example.org"]}))


def test_no_recipient() -> None:
    """Without `to` and DEFAULT_TO a request is rejected."""
    with pytest.raises(InvalidRequest, match="to: is required"):
        RULES.with_default_to(to())


def test_default_to_is_allowed() -> None:
    """DEFAULT_TO is always an allowed recipient."""
    rules = AccessRules.of((), (), "me@x.test")
    assert rules.with_default_to(to()).recipients == ("me@x.test",)
    assert rules.with_default_to(to("ME@x.test")).recipients == ("ME@x.test",)
    assert rules.with_default_to(to(cc="ME@x.test")).recipients == ("me@x.test", "ME@x.test")
    rules.check_recipients(to("ME@x.test", cc="me@x.test"))


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://example.org", True),
        ("http://example.org:8080", True),
        ("https://www.example.org", True),
        ("https://a.b.example.org", True),
        ("HTTPS://WWW.Example.ORG", True),
        ("http://localhost:3000", True),
        ("http://localhost:3001", False),
        ("http://localhost", False),
        ("https://example.org.evil.test", False),
        ("https://evilexample.org", False),
        ("https://example.org/path", False),
        ("https://user@example.org", False),
        ("ftp://example.org", False),
        ("example.org", False),
        ("null", False),
        ("", False),
        ("https://example.org, https://evil.test", False),
        ("https://example.org\n", False),
    ],
    ids=ascii,
)
def test_origins(origin: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """Only origins of ALLOWED_HOSTS are allowed; an invalid origin is not."""
    assert RULES.allows_origin(origin) is expected


@pytest.mark.parametrize("site", ["https://example.org", "http://[::1]:3000", "[::1]", "example.org:8443"])
def test_exact_sites(site: str) -> None:
    """Whole origins, ports and IPv6 literals can be listed."""
    rules = AccessRules(recipients=frozenset(), sites=frozenset({site}))
    assert rules.allows_origin(site if "//" in site else f"https://{site}")
    assert not rules.allows_origin("http://example.org:1")


def test_origin_check() -> None:
    """A request without Origin is allowed, one with an allowed Origin too; two Origins are rejected."""
    RULES.check_origin([])
    RULES.check_origin(["https://example.org"])
    for origins in (["null"], [""], ["https://example.org", "https://example.org"]):
        with pytest.raises(OriginNotAllowed):
            RULES.check_origin(origins)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org", True),
        ("https://www.example.org/thanks?a=b#c", True),
        ("http://localhost:3000/", True),
        ("https://evil.test/", False),
        ("https://example.org@evil.test/", False),
        ("https://example.org\\@evil.test/", False),
        ("https://evil.test\\.example.org/", False),
        ("https:/\\evil.test", False),
        ("//example.org/", False),
        ("/thanks", False),
        ("javascript://example.org/%0aalert(1)", False),
        ("https://example.org/a b", False),
        ("https://example.org/\r\nSet-Cookie: a=b", False),
        ("https://example.org/\u2028", False),
    ],
    ids=ascii,
)
def test_pages(url: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """Only pages of ALLOWED_HOSTS are allowed as redirects, however the address is obfuscated."""
    assert RULES.allows_page(url) is expected
