"""Asks DNS, within a time limit; tells a name that is not there from a server that does not answer."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final, NamedTuple, Protocol

from dns.exception import DNSException, Timeout
from dns.name import from_text
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, Resolver
from dns.reversename import from_address

_DOCKERS: Final = "127.0.0.11"


class LookupFailed(OSError):
    """DNS gave no answer, so that nobody knows; not the same as a name that does not exist."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"could not look up {name} in DNS: {reason}")


class MailExchanger(NamedTuple):
    """One MX record; the lower the preference, the sooner it is tried. No host: no mail is taken (RFC 7505)."""

    preference: int
    host: str


class Lookup(Protocol):
    """What the judgements ask. Each returns nothing for a name without such records; LookupFailed when nobody knows."""

    def exists(self, name: str) -> bool: ...  # noqa: D102 - the protocol's docstring says it

    def mx(self, domain: str) -> tuple[MailExchanger, ...]: ...  # noqa: D102 - same

    def txt(self, name: str) -> tuple[str, ...]: ...  # noqa: D102 - same

    def addresses(self, name: str) -> tuple[str, ...]: ...  # noqa: D102 - same

    def names_of(self, address: str) -> tuple[str, ...]: ...  # noqa: D102 - same


class Dns(Lookup):
    """Looks up in DNS itself.

    Args:
        nameservers: whom to ask; without any, those of this container.
        seconds: for each question, whatever number of servers is tried.
        port: theirs.

    Raises:
        LookupFailed: nobody is there to be asked.
    """

    def __init__(self, nameservers: Sequence[str], seconds: float, port: int = 53) -> None:
        try:
            self._resolver = Resolver(configure=not nameservers)
        except DNSException as error:
            raise LookupFailed("anything", str(error)) from error
        if nameservers:
            self._resolver.nameservers = list(nameservers)
        self._resolver.port = port
        self._seconds = seconds

    def exists(self, name: str) -> bool:
        """Tell whether there is such a name, with whatever records."""
        return self._ask(name, RdataType.SOA) is not None

    def mx(self, domain: str) -> tuple[MailExchanger, ...]:
        """Return where mail for the domain goes, the first to be tried first."""
        found = (MailExchanger(one.preference, _plain(one.exchange)) for one in self._ask(domain, RdataType.MX) or ())
        return tuple(sorted(found))

    def txt(self, name: str) -> tuple[str, ...]:
        """Return the name's texts, each put together from its strings (RFC 7208 section 3.3)."""
        return tuple(b"".join(one.strings).decode("utf-8", "replace") for one in self._ask(name, RdataType.TXT) or ())

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return the name's IPv4 and then IPv6 addresses."""
        kinds = (RdataType.A, RdataType.AAAA)
        found = tuple(str(one.address) for kind in kinds for one in self._ask(name, kind) or ())
        # Docker's name server answers for the containers' names itself, and MAIL_HOSTNAME is one.
        if _DOCKERS in map(str, self._resolver.nameservers) and any(not ip_address(one).is_global for one in found):
            raise LookupFailed(name, "Docker answers for it itself, with a container's address")
        return found

    def names_of(self, address: str) -> tuple[str, ...]:
        """Return the names that the address's owner gave it."""
        found = self._ask(from_address(address).to_text(), RdataType.PTR)
        return tuple(_plain(one.target) for one in found or ())

    def _ask(self, name: str, kind: RdataType) -> list[Any] | None:
        """Return the records, none where the name has others; None where there is no such name."""
        try:
            answer = self._resolver.resolve(
                from_text(name), kind, lifetime=self._seconds, raise_on_no_answer=False, search=False
            )
        except NXDOMAIN:
            return None
        except Timeout as error:
            raise LookupFailed(name, f"no answer within {self._seconds:g} s") from error
        except (DNSException, ValueError) as error:
            raise LookupFailed(name, str(error) or type(error).__name__) from error
        return list(answer.rrset or ())


def _plain(name: Any) -> str:  # noqa: ANN401 - dnspython's Name
    return str(name.to_text()).rstrip(".").lower()
