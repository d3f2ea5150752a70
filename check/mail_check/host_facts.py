"""Host facts: containers, published ports and name servers, as dev/check passes them on standard input.

    container  mail-server  running  healthy  0
    changed    mail-server
    published  mail-server  2525/tcp  0.0.0.0  25
    network    mail-server  traefik_network
    trust      configured  !172.18.0.1 127.0.0.0/8 172.18.0.0/16
    trust      joined      !172.18.0.1 127.0.0.0/8 172.18.0.0/16
    trust      gateway client  172.18.0.1 3
    listening  25
    nameserver 192.0.2.53
    dollar     SMTP_RELAY_PASSWORD  16
    server     64
    said       mail-server: MAIL_DOMAIN: not set: give the domain that mail is for, as example.org

Fields are separated by tabs. Lines of unknown kinds are ignored; a newer dev/check may write them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple


class ContainerState(NamedTuple):
    """The state of a service's container, in Docker's words; `health` is empty where it has no health check."""

    state: str
    health: str = ""
    exit_code: str = "0"
    error: str = ""


class PublishedPort(NamedTuple):
    """A container's port, and the address and port of the host where it is published."""

    service: str
    port: int
    address: str
    host_port: int


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What can only be read on the host."""

    containers: Mapping[str, ContainerState] = field(default_factory=dict)
    """By service; a service that is missing has no container."""
    changed: frozenset[str] = frozenset()
    """Services whose container has other settings than Compose would give it now."""
    published: tuple[PublishedPort, ...] = ()
    networks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names of the Docker networks by service."""
    trust: Mapping[str, str] = field(default_factory=dict)
    """What port 25 trusts, as patterns of Postfix's mynetworks: `configured`, and `joined` as it would be now."""
    gateway_clients: Mapping[str, int] = field(default_factory=dict)
    """Gateways' addresses, and how many mails of each were rejected or counted according to the mail log."""
    listening: frozenset[int] = frozenset()
    """Ports of the host on which a program listens."""
    nameservers: tuple[str, ...] = ()
    """The host's name servers, without those that containers cannot reach."""
    dollars: Mapping[str, int] = field(default_factory=dict)
    """Variables whose value in the file has a `$` that is not escaped, and the number of bytes of that value."""
    server_status: int | None = None
    """Exit status of `mail-server check`; None when it could not be run."""
    server_output: tuple[str, ...] = ()
    """Lines that `mail-server check` printed."""

    def runs(self, service: str) -> bool:
        """Return whether the service's container runs."""
        return service in self.containers and self.containers[service].state == "running"


def parse_host_facts(lines: Iterable[str]) -> HostFacts:
    """Return the facts that the lines contain."""
    rows = [tuple(line.rstrip("\n").split("\t")) for line in lines]

    def of_kind(kind: str, fields: int) -> Iterable[tuple[str, ...]]:
        return [row[1:] for row in rows if row[0] == kind and len(row) > fields]

    networks = {(service, name) for service, name, *_ in of_kind("network", 2)}
    trust = [(name, text) for name, text, *_ in of_kind("trust", 2)]
    statuses = [int(status) for (status, *_) in of_kind("server", 1)]
    return HostFacts(
        containers={name: ContainerState(*rest[:4]) for name, *rest in of_kind("container", 2)},
        changed=frozenset(name for name, *_ in of_kind("changed", 1)),
        published=tuple(
            PublishedPort(service, int(port.partition("/")[0]), address, int(host_port))
            for service, port, address, host_port, *_ in of_kind("published", 4)
        ),
        networks={service: frozenset(name for other, name in networks if other == service) for service, _ in networks},
        trust={name: text for name, text in trust if name != "gateway client"},
        gateway_clients={
            address: int(number)
            for address, number in (text.split() for name, text in trust if name == "gateway client")
        },
        listening=frozenset(int(port) for port, *_ in of_kind("listening", 1)),
        nameservers=tuple(dict.fromkeys(address for address, *_ in of_kind("nameserver", 1) if _is_reachable(address))),
        dollars={name: int(length) for name, length, *_ in of_kind("dollar", 2)},
        server_status=statuses[0] if statuses else None,
        server_output=tuple("\t".join(rest) for rest in of_kind("said", 1)),
    )


def _is_reachable(address: str) -> bool:
    """Return whether a container can reach this name server: not at the host's own loopback, as 127.0.0.53."""
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False
