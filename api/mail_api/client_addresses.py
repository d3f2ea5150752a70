"""Client address of a request behind trusted proxies, by X-Forwarded-For or CLIENT_ADDRESS_HEADER."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

from loguru import logger
from starlette.requests import Request

FORWARDED_FOR: Final = "X-Forwarded-For"
SHARED_REQUESTS: Final = 20
"""Requests from one private address, and from no other, after which a proxy is suspected."""
SHARED_SECONDS: Final = 3600.0
MOST_WARNINGS: Final = 16
"""Proxies that are reported; any client can send the headers of a proxy, and must not fill the log."""
_IPV6_PREFIX: Final = 64
"""The smallest network that a provider gives to one customer, who can use any address of it."""

_Address: TypeAlias = IPv4Address | IPv6Address


class ClientAddresses:
    """Finds the address of a request's client, also behind trusted proxies.

    Args:
        trusted_proxies: TRUSTED_PROXIES, addresses and networks.
        header: CLIENT_ADDRESS_HEADER, or None.
    """

    def __init__(self, trusted_proxies: Iterable[str], header: str | None = None) -> None:
        self._trusted = tuple(ip_network(entry) for entry in trusted_proxies)
        self._header = header
        self._reported: set[str] = set()

    def of(self, request: Request) -> str:
        """Return the address that the request is counted under; warn once about each unknown proxy."""
        peer = request.client.host if request.client else "unknown"
        forwarded_for = request.headers.getlist(FORWARDED_FOR)
        stated = request.headers.getlist(self._header) if self._header else []
        if (forwarded_for or stated) and self._is_new_proxy(peer):
            self._reported.add(peer)
            logger.bind(peer=peer, header=self._header if stated else FORWARDED_FOR).warning(
                "client address in a header ignored, since its sender is not in TRUSTED_PROXIES; "
                "if it is your proxy, add it, or all requests through it share one RATE_LIMIT"
            )
        return self.find(peer, forwarded_for, stated)

    def _is_new_proxy(self, peer: str) -> bool:
        return peer not in self._reported and len(self._reported) < MOST_WARNINGS and not self.trusts(peer)

    def find(self, peer: str, forwarded_for: Sequence[str], stated: Sequence[str] = ()) -> str:
        """Return the client's address, its /64 for IPv6.

        From a trusted proxy it is the value of CLIENT_ADDRESS_HEADER, if that is one address. Otherwise it is the
        right-most entry of X-Forwarded-For that is not of a trusted proxy:

        X-Forwarded-For: (written by the client), 203.0.113.7, 172.18.0.2           peer: 172.18.0.3
                                                 ^ this one, when 172.18.0.0/16 is trusted

        Entries that the client itself writes are left of those that trusted proxies added, so they are never used.

        Args:
            peer: the address of the connection.
            forwarded_for: the values of X-Forwarded-For, one for each header line.
            stated: the values of CLIENT_ADDRESS_HEADER, in the same form; a repeated header is not used.
        """
        found = _parse(peer)
        if len(stated) == 1 and (only := _parse(stated[0].strip())) and self.trusts(peer):
            return _network(only)
        hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
        while found is not None and hops and self.trusts(found):
            before = _parse(hops.pop())
            if before is None:  # not an address: the last readable hop counts
                break
            found = before
        return peer if found is None else _network(found)

    def trusts(self, address: _Address | str) -> bool:
        """Return whether the address is a trusted proxy's."""
        found = _parse(address) if isinstance(address, str) else address
        return found is not None and any(found in network for network in self._trusted)


class SharedAddressWarning:
    """Logs one warning when all requests within an hour come from one private address, as behind an unknown proxy.

    Args:
        clock: seconds that only increase.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._client = ""
        self._other_seen: float | None = None
        self._times: deque[float] = deque(maxlen=SHARED_REQUESTS)
        self._has_warned = False

    def count(self, client: str) -> None:
        """Count a request without an API key.

        Args:
            client: its address, as `ClientAddresses` returns it.
        """
        if self._has_warned:
            return
        now = self._clock()
        if client != self._client:
            self._other_seen = self._times[-1] if self._times else None
            self._client = client
            self._times.clear()
        self._times.append(now)
        if self._is_shared(now):
            self._has_warned = True
            logger.bind(client=client, requests=SHARED_REQUESTS).warning(
                "all requests without an API key within an hour came from one private address, and share one "
                "RATE_LIMIT; behind a proxy set TRUSTED_PROXIES, behind cloudflared CLIENT_ADDRESS_HEADER too "
                "(docs/api-reference.md#the-visitors-address)"
            )

    def _is_shared(self, now: float) -> bool:
        since = now - SHARED_SECONDS
        return (
            len(self._times) == SHARED_REQUESTS
            and self._times[0] >= since
            and (self._other_seen is None or self._other_seen < since)
            and _is_private(self._client)
        )


def _is_private(client: str) -> bool:
    try:
        return ip_network(client).is_private
    except ValueError:  # a connection without an address
        return False


def _parse(text: str) -> _Address | None:
    """Return the address in `203.0.113.7`, `203.0.113.7:443`, `2001:db8::7` or `[2001:db8::7]:443`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(address: _Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, _IPV6_PREFIX), strict=False))
