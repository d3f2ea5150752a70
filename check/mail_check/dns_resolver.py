"""DNS lookups with a time limit; a missing name and a failed lookup are different answers."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final, NamedTuple, Protocol

from dns.exception import DNSException, Timeout
from dns.name import from_text
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN
from dns.resolver import Resolver as DnsPythonResolver
from dns.reversename import from_address

_DOCKER_NAME_SERVER: Final = "127.0.0.11"


class DnsLookupFailed(OSError):
    """DNS returned no answer, so it is not known whether the name exists."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"could not look up {name} in DNS: {reason}")


class MailExchanger(NamedTuple):
    """One MX record; the lowest preference is tried first. An empty host: the domain accepts no mail (RFC 7505)."""

    preference: int
    host: str


class Resolver(Protocol):
    """The lookups that checks use. Each returns nothing for a name without such records, or raises DnsLookupFailed."""

    def exists(self, name: str) -> bool: ...  # noqa: D102 - the protocol's docstring describes it

    def mx(self, domain: str) -> tuple[MailExchanger, ...]: ...  # noqa: D102 - same

    def txt(self, name: str) -> tuple[str, ...]: ...  # noqa: D102 - same

    def addresses(self, name: str) -> tuple[str, ...]: ...  # noqa: D102 - same

    def names_of(self, address: str) -> tuple[str, ...]: ...  # noqa: D102 - same


class DnsResolver(Resolver):
    """Looks up records in DNS.

    Args:
        nameservers: addresses of the name servers; without any, those of this container.
        seconds: time limit of a lookup, however many servers are tried.
        port: port of the name servers.

    Raises:
        DnsLookupFailed: this container has no name server.
    """

    def __init__(self, nameservers: Sequence[str], seconds: float, port: int = 53) -> None:
        try:
            self._resolver = DnsPythonResolver(configure=not nameservers)
        except DNSException as error:
            raise DnsLookupFailed("anything", str(error)) from error
        if nameservers:
            self._resolver.nameservers = list(nameservers)
        self._resolver.port = port
        self._seconds = seconds

    def exists(self, name: str) -> bool:
        """Return whether the name exists, with any kind of record."""
        return self._records(name, RdataType.SOA) is not None

    def mx(self, domain: str) -> tuple[MailExchanger, ...]:
        """Return the MX records of a domain, the lowest preference first."""
        found = self._records(domain, RdataType.MX) or ()
        return tuple(sorted(MailExchanger(one.preference, _plain(one.exchange)) for one in found))

    def txt(self, name: str) -> tuple[str, ...]:
        """Return the TXT records of a name, the strings of each joined (RFC 7208 section 3.3)."""
        found = self._records(name, RdataType.TXT) or ()
        return tuple(b"".join(one.strings).decode("utf-8", "replace") for one in found)

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the IPv4 addresses of a name, followed by its IPv6 addresses."""
        kinds = (RdataType.A, RdataType.AAAA)
        found = tuple(str(one.address) for kind in kinds for one in self._records(name, kind) or ())
        # Docker's name server answers for names of containers itself, and MAIL_HOSTNAME is one.
        if _DOCKER_NAME_SERVER in map(str, self._resolver.nameservers) and any(
            not ip_address(one).is_global for one in found
        ):
            raise DnsLookupFailed(name, "Docker's name server returned the address of a container")
        return found

    def names_of(self, address: str) -> tuple[str, ...]:
        """Return the names of an address (PTR records)."""
        found = self._records(from_address(address).to_text(), RdataType.PTR)
        return tuple(_plain(one.target) for one in found or ())

    def _records(self, name: str, kind: RdataType) -> list[Any] | None:
        """Return the records of a kind, which may be none; None where the name does not exist."""
        try:
            answer = self._resolver.resolve(
                from_text(name), kind, lifetime=self._seconds, raise_on_no_answer=False, search=False
            )
        except NXDOMAIN:
            return None
        except Timeout as error:
            raise DnsLookupFailed(name, f"no answer within {self._seconds:g} s") from error
        except (DNSException, ValueError) as error:
            raise DnsLookupFailed(name, str(error) or type(error).__name__) from error
        return list(answer.rrset or ())


def _plain(name: Any) -> str:  # noqa: ANN401 - dnspython's Name
    return str(name.to_text()).rstrip(".").lower()
