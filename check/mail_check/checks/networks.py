"""Check the mail server's Docker networks: joined, trusted at port 25, and clients with a gateway's address."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from mail_check.host_facts import HostFacts
from mail_check.results import Result, failed, ok, unknown, warning

ROUTES: Final = Path("/proc/net/route")
_NO_GATEWAY: Final = "00000000"
_RECREATE: Final = (
    "`docker compose -f docker-compose.mail.prod.yml --env-file .env.mail.prod up -d --force-recreate` joins them."
)
_NOT_RUNNING: Final = "mail-server does not run"


def check_joined(facts: HostFacts, routes: Path = ROUTES) -> Iterator[Result]:
    """Check that the mail server is on a network of mail-api, and on every network that Compose joins it to.

    Args:
        facts: the host facts.
        routes: this container's routing table; Compose joins it to the same networks as the mail server.
    """
    if not facts.runs("mail-server"):
        yield unknown(_NOT_RUNNING)
        return
    server, api = (facts.networks.get(service, frozenset()) for service in ("mail-server", "mail-api"))
    if facts.runs("mail-api") and not server & api:
        yield failed(
            f"mail-server and mail-api share no network: {_names(server)}, and {_names(api)}",
            _RECREATE,
        )
        return
    missing = subnets(routes.read_text(encoding="ascii")) - set(facts.trust.get("joined", "").split())
    if facts.trust and missing:
        yield warning(
            f"mail-server is not on {', '.join(sorted(missing))}, which Compose joins it to: the network was created "
            "again, or mail-server was disconnected",
            _RECREATE,
        )
    else:
        yield ok(f"mail-server is on {_names(server)}; mail-api on {_names(api)}")


def subnets(table: str) -> set[str]:
    """Return the IPv4 subnets of this container's interfaces, from the text of /proc/net/route.

    eth0  000012AC  00000000  0001  0  0  0  0000FFFF  0  0  0   is 172.18.0.0/16
    """
    rows = [line.split() for line in table.splitlines()[1:]]
    found = (
        IPv4Network((_address(destination), str(_address(mask))))
        for _, destination, gateway, _, _, _, _, mask, *_ in rows
        if gateway == _NO_GATEWAY and destination != _NO_GATEWAY
    )
    return {str(network) for network in found}


def _address(text: str) -> IPv4Address:
    return IPv4Address(int.from_bytes(bytes.fromhex(text), "little"))


def check_trusted(facts: HostFacts) -> Result:
    """Check that port 25 trusts the networks that are joined now, and report them."""
    if not facts.runs("mail-server"):
        return unknown(_NOT_RUNNING)
    configured, joined = (facts.trust.get(name, "").split() for name in ("configured", "joined"))
    if not configured:
        return unknown("mail-server does not list its networks", "Start it again with its current image (`up -d`).")
    if configured != joined:
        return warning(
            f"port 25 trusts {_trust(configured)}; with the networks joined now it would be {_trust(joined)}",
            "mail-server reloads within 5 seconds. If this line stays: `docker restart mail-server`.",
        )
    return ok(f"port 25 accepts mail from {_trust(configured)}")


def check_gateway_clients(facts: HostFacts) -> Iterator[Result]:
    """Check for mail that was rejected or counted with a gateway's address instead of the client's."""
    if not facts.runs("mail-server"):
        yield unknown(_NOT_RUNNING)
        return
    for address, number in facts.gateway_clients.items():
        yield warning(
            f"{number} times in the mail log, a mail was rejected or counted for a client with the address {address}, "
            "a network's gateway: such clients share rate limits, and FORWARD_CLIENT_SHARE does not apply",
            "Nothing, if they came from this host; else docs/networks.md, Clients with the gateway's address.",
        )
    if not facts.gateway_clients:
        yield ok("no mail was rejected or counted with a gateway's address")


def _trust(patterns: list[str]) -> str:
    networks = ", ".join(one for one in patterns if not one.startswith("!"))
    gateways = ", ".join(one.removeprefix("!") for one in patterns if one.startswith("!"))
    return f"{networks}, but not from the gateways {gateways}" if gateways else networks


def _names(networks: frozenset[str]) -> str:
    return " and ".join(sorted(networks)) or "no network"
