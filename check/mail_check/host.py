"""What only the machine itself can tell, in the lines that dev/check hands to the check's container.

    container  mail-server  running  healthy  0
    changed    mail-server
    published  mail-server  2525/tcp  0.0.0.0  25
    listening  25
    nameserver 192.0.2.53
    server     64
    said       mail-server: MAIL_DOMAIN: not set: give the domain that mail is for, as example.org

Fields are separated by tabs. A line of another kind is from a newer dev/check and says nothing to us.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple


class Container(NamedTuple):
    """The state of a service's container, in Docker's words; `health` is empty where it has no health check."""

    state: str
    health: str = ""
    exit_code: str = "0"
    error: str = ""


class Published(NamedTuple):
    """A container's port, and where on the host it can be reached."""

    service: str
    port: int
    address: str
    host_port: int


@dataclass(frozen=True, slots=True)
class Host:
    """All that was told."""

    containers: Mapping[str, Container] = field(default_factory=dict)
    """By service; one that is missing has no container."""
    changed: frozenset[str] = frozenset()
    """Services that run with other settings than they would be started with now."""
    published: tuple[Published, ...] = ()
    listening: frozenset[int] = frozenset()
    """Ports of production on which somebody else listens on this machine."""
    nameservers: tuple[str, ...] = ()
    """The machine's own name servers, as far as a container can ask them."""
    server_status: int | None = None
    """How `mail-server check` ended; None when it could not be run."""
    server_said: tuple[str, ...] = ()

    def runs(self, service: str) -> bool:
        """Tell whether the service's container runs."""
        return service in self.containers and self.containers[service].state == "running"


def parse_host(lines: Iterable[str]) -> Host:
    """Return what the lines tell."""
    rows = [tuple(line.rstrip("\n").split("\t")) for line in lines]

    def told(kind: str, fields: int) -> Iterable[tuple[str, ...]]:
        return [row[1:] for row in rows if row[0] == kind and len(row) > fields]

    statuses = [int(status) for (status, *_) in told("server", 1)]
    return Host(
        containers={name: Container(*rest[:4]) for name, *rest in told("container", 2)},
        changed=frozenset(name for name, *_ in told("changed", 1)),
        published=tuple(
            Published(service, int(port.partition("/")[0]), address, int(host_port))
            for service, port, address, host_port, *_ in told("published", 4)
        ),
        listening=frozenset(int(port) for port, *_ in told("listening", 1)),
        nameservers=tuple(dict.fromkeys(address for address, *_ in told("nameserver", 1) if _can_be_asked(address))),
        server_status=statuses[0] if statuses else None,
        server_said=tuple("\t".join(rest) for rest in told("said", 1)),
    )


def _can_be_asked(address: str) -> bool:
    """Tell whether a container can reach a name server of the host: not at the host's own loopback (127.0.0.53)."""
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False
