"""Client address behind proxies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from loguru import logger
from starlette.requests import Request

from mail_api.client_addresses import (
    MOST_WARNINGS,
    SHARED_REQUESTS,
    SHARED_SECONDS,
    ClientAddresses,
    SharedAddressWarning,
)
from mail_api.settings import parse_network

if TYPE_CHECKING:
    import io

    from tests.unit.api.conftest import StartApi

CLIENTS = ClientAddresses(("172.18.0.0/16", "fd00::/8", "10.0.0.1"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        pytest.param("203.0.113.7", [], "203.0.113.7", id="direct"),
        pytest.param("203.0.113.7", ["1.1.1.1"], "203.0.113.7", id="header from an untrusted client"),
        pytest.param("172.18.0.2", ["203.0.113.7"], "203.0.113.7", id="behind the proxy"),
        pytest.param("172.18.0.2", ["1.1.1.1, 203.0.113.7"], "203.0.113.7", id="forged header passed on by the proxy"),
        pytest.param("172.18.0.2", ["1.1.1.1", "203.0.113.7"], "203.0.113.7", id="in two headers"),
        pytest.param("10.0.0.1", ["203.0.113.7, 172.18.0.3"], "203.0.113.7", id="two proxies"),
        pytest.param("172.18.0.2", ["172.18.0.9, 203.0.113.7"], "203.0.113.7", id="forged address of a proxy"),
        pytest.param("172.18.0.2", ["172.18.0.9"], "172.18.0.9", id="address in the proxy's network"),
        pytest.param("172.18.0.2", [], "172.18.0.2", id="the proxy itself"),
        pytest.param("172.18.0.2", ["203.0.113.7, nonsense"], "172.18.0.2", id="invalid address from the proxy"),
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
    """The client address is the right-most one that is not a trusted proxy."""
    assert expected == CLIENTS.find(peer, forwarded_for)


def test_long_header() -> None:
    """Of a header with a thousand hops, the right-most untrusted address is used."""
    assert CLIENTS.find("172.18.0.2", ["1.1.1.1, " * 1000 + "203.0.113.7"]) == "203.0.113.7"


def test_entries() -> None:
    """An entry is an address or a network; names, and addresses with host bits set, are rejected."""
    assert parse_network(" 10.0.0.1 ") == "10.0.0.1/32"
    for entry in ("traefik", "10.0.0.1/8", "*"):
        with pytest.raises(ValueError, match="neither an address nor a network"):
            parse_network(entry)


@pytest.mark.parametrize(
    ("peer", "stated", "expected"),
    [
        pytest.param("172.18.0.2", ["203.0.113.7"], "203.0.113.7", id="from the proxy"),
        pytest.param("172.18.0.2", [" 203.0.113.7 "], "203.0.113.7", id="blanks"),
        pytest.param("172.18.0.2", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64", id="IPv6 counts by /64"),
        pytest.param("203.0.113.9", ["203.0.113.7"], "203.0.113.9", id="from an untrusted client"),
        pytest.param("unknown", ["203.0.113.7"], "unknown", id="from a peer without an address"),
        pytest.param("172.18.0.2", ["203.0.113.7", "203.0.113.8"], "198.51.100.1", id="repeated"),
        pytest.param("172.18.0.2", ["203.0.113.7", "203.0.113.7"], "198.51.100.1", id="repeated with the same value"),
        pytest.param("172.18.0.2", ["203.0.113.7, 203.0.113.8"], "198.51.100.1", id="a list"),
        pytest.param("172.18.0.2", ["visitor"], "198.51.100.1", id="not an address"),
        pytest.param("172.18.0.2", [""], "198.51.100.1", id="empty"),
        pytest.param("172.18.0.2", [], "198.51.100.1", id="missing"),
    ],
)
def test_address_header(peer: str, stated: list[str], expected: str) -> None:
    """A single address in the CLIENT_ADDRESS_HEADER of a trusted proxy is used; otherwise X-Forwarded-For is."""
    assert expected == CLIENTS.find(peer, ["198.51.100.1"], stated)


async def test_header_behind_a_proxy(start_api: StartApi) -> None:
    """Behind cloudflared and Traefik each visitor has its own limit; X-Forwarded-For has cloudflared's address."""
    api = await start_api(
        rate_limit="1/hour", trusted_proxies="127.0.0.0/8,172.18.0.0/16", client_address_header="CF-Connecting-IP"
    )
    statuses = [
        (await api.send({"cf-connecting-ip": visitor, "X-Forwarded-For": "172.18.0.9"})).status_code
        for visitor in ("203.0.113.7", "203.0.113.8", "203.0.113.7")
    ]
    assert statuses == [200, 200, 429]


async def test_header_is_off_by_default(start_api: StartApi) -> None:
    """Without the setting the header is ignored, even from a trusted proxy."""
    api = await start_api(rate_limit="1/hour", trusted_proxies="127.0.0.0/8")
    statuses = [(await api.send({"CF-Connecting-IP": f"203.0.113.{n}"})).status_code for n in (7, 8)]
    assert statuses == [200, 429]


async def test_header_from_an_untrusted_client(start_api: StartApi) -> None:
    """From an address outside TRUSTED_PROXIES the header is ignored, and one warning has its name and the peer."""
    api = await start_api(rate_limit="1/hour", trusted_proxies="10.0.0.0/8", client_address_header="CF-Connecting-IP")
    statuses = [(await api.send({"CF-Connecting-IP": f"203.0.113.{n}"})).status_code for n in (7, 8)]
    assert statuses == [200, 429]
    (warning,) = [json.loads(line) for line in api.output.getvalue().splitlines() if "TRUSTED_PROXIES" in line]
    assert (warning["header"], warning["peer"]) == ("CF-Connecting-IP", "127.0.0.1")


def test_each_unknown_proxy_is_reported_once() -> None:
    """Untrusted peers that send a proxy's header are reported once each, up to a limit; trusted ones are not."""
    reported: list[str] = []
    sink = logger.add(lambda line: reported.append(line.record["extra"]["peer"]), level="WARNING")
    clients = ClientAddresses(("10.0.0.0/8",))
    for peer in ("192.0.2.1", "10.0.0.1", "192.0.2.2", "192.0.2.1", *(f"198.51.100.{n}" for n in range(99))):
        clients.of(request_from(peer, {"X-Forwarded-For": "203.0.113.7"}))
    clients.of(request_from("192.0.2.3", {}))
    logger.remove(sink)
    assert reported[:3] == ["192.0.2.1", "192.0.2.2", "198.51.100.0"]
    assert len(reported) == len(set(reported)) == MOST_WARNINGS


def request_from(peer: str, headers: dict[str, str]) -> Request:
    """Return a request from this peer."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "client": (peer, 4711), "headers": raw})


class Clock:
    """A clock that is set by the test."""

    now = 1000.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a new clock."""
    return Clock()


def warnings(output: io.StringIO) -> list[str]:
    """Return the addresses in the warnings."""
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    return [line["client"] for line in lines if line["message"].startswith("all requests without an API key")]


def count(watch: SharedAddressWarning, clock: Clock, clients: list[str], seconds: float = 1.0) -> None:
    """Count requests of these clients, with these seconds between them."""
    for client in clients:
        clock.now += seconds
        watch.count(client)


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        pytest.param(["172.18.0.2"] * SHARED_REQUESTS, ["172.18.0.2"], id="enough"),
        pytest.param(["fd00:1::/64"] * SHARED_REQUESTS, ["fd00:1::/64"], id="IPv6"),
        pytest.param(["172.18.0.2"] * SHARED_REQUESTS * 3, ["172.18.0.2"], id="once"),
        pytest.param(["172.18.0.2"] * (SHARED_REQUESTS - 1), [], id="too few"),
        pytest.param(["8.8.8.8"] * SHARED_REQUESTS, [], id="a public address"),
        pytest.param(["unknown"] * SHARED_REQUESTS, [], id="no address"),
        pytest.param(["172.18.0.2", "172.18.0.3"] * SHARED_REQUESTS, [], id="two addresses in turn"),
        pytest.param(["8.8.8.8", *["172.18.0.2"] * SHARED_REQUESTS], [], id="another address before"),
    ],
)
def test_shared_address(log_output: io.StringIO, clock: Clock, clients: list[str], expected: list[str]) -> None:
    """There is one warning if at least 20 requests, and no others, come from one private address within an hour."""
    count(SharedAddressWarning(clock), clock, clients)
    assert warnings(log_output) == expected


def test_shared_address_an_hour_after_another(log_output: io.StringIO, clock: Clock) -> None:
    """A request from another address counts for an hour."""
    watch = SharedAddressWarning(clock)
    count(watch, clock, ["8.8.8.8"])
    count(watch, clock, ["172.18.0.2"], SHARED_SECONDS - 60)
    count(watch, clock, ["172.18.0.2"] * (SHARED_REQUESTS - 1))
    assert warnings(log_output) == []
    count(watch, clock, ["172.18.0.2"], 60)
    assert warnings(log_output) == ["172.18.0.2"]


def test_few_requests_from_a_private_address(log_output: io.StringIO, clock: Clock) -> None:
    """Twenty requests in more than an hour give no warning."""
    count(SharedAddressWarning(clock), clock, ["172.18.0.2"] * SHARED_REQUESTS * 2, SHARED_SECONDS / 18)
    assert warnings(log_output) == []


async def test_shared_address_of_the_api(start_api: StartApi) -> None:
    """The API warns once, also for rejected requests, and names both settings."""
    api = await start_api(rate_limit="5/hour")
    for _ in range(SHARED_REQUESTS + 5):
        await api.send()
    assert warnings(api.output) == ["127.0.0.1"]
    (line,) = [line for line in api.output.getvalue().splitlines() if "share one RATE_LIMIT" in line]
    assert "TRUSTED_PROXIES" in line
    assert "CLIENT_ADDRESS_HEADER" in line


async def test_no_limit_to_share(start_api: StartApi) -> None:
    """With RATE_LIMIT=off there is no warning."""
    api = await start_api(rate_limit="off")
    for _ in range(SHARED_REQUESTS):
        await api.send()
    assert warnings(api.output) == []
