"""Which address a request really comes from: a pure rule over the peer and the proxies that are trusted."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
_Address: TypeAlias = IPv4Address | IPv6Address

_HOME_PREFIX: Final = 64
"""What one customer gets of IPv6 at least; single addresses of it change at will."""


def parse_network(text: str) -> str:
    """Return one entry of TRUSTED_PROXIES as a network.

    Raises:
        ValueError: it is neither an address nor a network.
    """
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        raise ValueError("holds an entry that is neither an address nor a network such as 172.18.0.0/16") from None


class Clients:
    """Tells clients apart, behind the trusted proxies too."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = tuple(ip_network(entry) for entry in trusted_proxies)

    def address(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """Return the client's address, or its /64 for IPv6: the right-most entry that no trusted proxy vouches for.

        X-Forwarded-For: (whatever the client claims), 203.0.113.7, 172.18.0.2      peer: 172.18.0.3
                                                       ^ this one, when 172.18.0.0/16 is trusted

        What a client writes itself stands left of what the first trusted proxy saw, so it is never believed.
        """
        found = _parse(peer)
        hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
        while found is not None and hops and self.trusts(found):
            before = _parse(hops.pop())
            if before is None:  # a proxy that reports nonsense is as far as we can see
                break
            found = before
        return peer if found is None else _home(found)

    def trusts(self, address: _Address | str) -> bool:
        """Tell whether the address is a trusted proxy's."""
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


def _home(address: _Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, _HOME_PREFIX), strict=False))
