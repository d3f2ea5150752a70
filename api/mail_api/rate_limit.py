"""Rate limit per client address, by the `limits` library; which address a request comes from behind proxies."""

import time
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import ceil
from typing import Final, TypeAlias

import limits
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from loguru import logger
from starlette.requests import Request

from mail_api.errors import RateLimited
from mail_api.settings import MEMORY, OFF

_REDIS: Final[dict[str, float | str | bool]] = {
    "implementation": "redispy",
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
}
_PREFIX: Final = "send"
_IPV6_PREFIX: Final = 64
"""The smallest network that a provider gives to one customer, who can use any address of it."""

_Address: TypeAlias = IPv4Address | IPv6Address


class RateLimiter:
    """Counts requests per client address; in this process's memory while the shared storage fails.

    Args:
        rates: RATE_LIMIT.
        storage: RATE_LIMIT_STORAGE.
    """

    def __init__(self, rates: str, storage: str) -> None:
        self._limits = [] if rates == OFF else limits.parse_many(rates)
        self._memory = _limiter(MEMORY)
        self._limiter = self._memory if storage == MEMORY else _limiter(storage)
        self._storage_failed = False

    async def check(self, client: str) -> None:
        """Count a request of the client.

        Raises:
            RateLimited: it has used up a window.
        """
        try:
            await self._count(self._limiter, client)
        except StorageError as problem:
            self._log_change(failed=True, reason=type(problem.storage_error).__name__)
            await self._count(self._memory, client)
        else:
            self._log_change(failed=False)

    async def _count(self, limiter: FixedWindowRateLimiter, client: str) -> None:
        for limit in self._limits:
            if not await limiter.hit(limit, _PREFIX, client):
                window = await limiter.get_window_stats(limit, _PREFIX, client)
                raise RateLimited(max(1, ceil(window.reset_time - time.time())))

    def _log_change(self, *, failed: bool, reason: str = "") -> None:
        if failed and not self._storage_failed:
            logger.bind(reason=reason).warning("RATE_LIMIT_STORAGE failed; counting in memory")
        elif self._storage_failed and not failed:
            logger.info("RATE_LIMIT_STORAGE recovered")
        self._storage_failed = failed


class ClientAddresses:
    """Finds the address of a request's client, also behind trusted proxies.

    Args:
        trusted_proxies: TRUSTED_PROXIES, addresses and networks.
    """

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(entry) for entry in trusted_proxies)
        self._has_warned = False

    def of(self, request: Request) -> str:
        """Return the address that the request is counted under; warn once about an unknown proxy."""
        peer = request.client.host if request.client else "unknown"
        forwarded_for = request.headers.getlist("x-forwarded-for")
        if forwarded_for and not self._has_warned and not self.trusts(peer):
            self._has_warned = True
            logger.warning(
                "X-Forwarded-For from {} is ignored, so all requests through it share one RATE_LIMIT; "
                "if it is your proxy, add it to TRUSTED_PROXIES",
                peer,
            )
        return self.find(peer, forwarded_for)

    def find(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """Return the client's address, its /64 for IPv6: the right-most entry that is not of a trusted proxy.

        X-Forwarded-For: (whatever the client claims), 203.0.113.7, 172.18.0.2      peer: 172.18.0.3
                                                       ^ this one, when 172.18.0.0/16 is trusted

        What a client writes itself is left of what the first trusted proxy added, so it is never used.
        """
        found = _parse(peer)
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


def _limiter(storage: str) -> FixedWindowRateLimiter:
    options: dict[str, float | str | bool] = {} if storage == MEMORY else _REDIS
    return FixedWindowRateLimiter(storage_from_string(f"async+{storage}", wrap_exceptions=True, **options))
