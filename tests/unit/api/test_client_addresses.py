"""Which address counts, and that nobody can claim another."""

import pytest

from mail_api.rate_limit import ClientAddresses
from mail_api.settings import parse_network

CLIENTS = ClientAddresses(("172.18.0.0/16", "fd00::/8", "10.0.0.1"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        pytest.param("203.0.113.7", [], "203.0.113.7", id="direct"),
        pytest.param("203.0.113.7", ["1.1.1.1"], "203.0.113.7", id="a claim of a stranger"),
        pytest.param("172.18.0.2", ["203.0.113.7"], "203.0.113.7", id="behind the proxy"),
        pytest.param("172.18.0.2", ["1.1.1.1, 203.0.113.7"], "203.0.113.7", id="a claim passed on by the proxy"),
        pytest.param("172.18.0.2", ["1.1.1.1", "203.0.113.7"], "203.0.113.7", id="in two headers"),
        pytest.param("10.0.0.1", ["203.0.113.7, 172.18.0.3"], "203.0.113.7", id="two proxies"),
        pytest.param("172.18.0.2", ["172.18.0.9, 203.0.113.7"], "203.0.113.7", id="a claim to be a proxy"),
        pytest.param("172.18.0.2", ["172.18.0.9"], "172.18.0.9", id="a neighbour of the proxy"),
        pytest.param("172.18.0.2", [], "172.18.0.2", id="the proxy itself"),
        pytest.param("172.18.0.2", ["203.0.113.7, nonsense"], "172.18.0.2", id="nonsense from the proxy"),
        pytest.param("172.18.0.2", [""], "172.18.0.2", id="empty"),
        pytest.param("172.18.0.2", ["203.0.113.7:4711"], "203.0.113.7", id="with a port"),
        pytest.param("172.18.0.2", ["[2001:db8:1:2:3::4]:443"], "2001:db8:1:2::/64", id="IPv6 with a port"),
        pytest.param("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64", id="IPv6 counts by /64"),
        pytest.param("fd00::1", ["2001:db8::1"], "2001:db8::/64", id="IPv6 proxy"),
        pytest.param("::ffff:172.18.0.2", ["203.0.113.7"], "203.0.113.7", id="IPv4 in IPv6"),
        pytest.param("unknown", ["203.0.113.7"], "unknown", id="no address"),
    ],
)
def test_address(peer: str, forwarded_for: list[str], expected: str) -> None:
    """The right-most address that is no trusted proxy is the client's."""
    assert expected == CLIENTS.find(peer, forwarded_for)


def test_long_claim() -> None:
    """A header of a thousand hops costs no more than the trusted ones in it."""
    assert CLIENTS.find("172.18.0.2", ["1.1.1.1, " * 1000 + "203.0.113.7"]) == "203.0.113.7"


def test_entries() -> None:
    """An entry is an address or a network; names and host bits are mistakes."""
    assert parse_network(" 10.0.0.1 ") == "10.0.0.1/32"
    for entry in ("traefik", "10.0.0.1/8", "*"):
        with pytest.raises(ValueError, match="neither an address nor a network"):
            parse_network(entry)
