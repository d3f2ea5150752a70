"""Networks of the mail server: joined at run time, created again, IPv6, and clients with a gateway's address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from docker.types.networks import IPAMConfig, IPAMPool
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from tests.integration.postfix.audit import Verdict, audit, table
from tests.integration.postfix.battery import HELLO, Origin, Session, tricks
from tests.integration.postfix.containers import NO_HEALTHCHECK, Probe, Relay, Server
from tests.integration.postfix.dialogue import talk
from tests.integration.postfix.lab import DOMAIN, IDENTITY, MAIL_SERVER, Lab
from tests.integration.postfix.mails import EXTERNAL_RECIPIENT, mail
from tests.integration.stack import until

pytestmark = pytest.mark.usefixtures("lab")  # builds the images

IPV6: Final = {"INET_PROTOCOLS": "all"}
IPV6_ONLY: Final = IDENTITY | {"SMTP_RELAY_HOST": "smtp.relay.example"}
WITHOUT_IPV4: Final = """
use Socket;
socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die $!;
# SIOCSIFADDR of netdevice(7), with 0.0.0.0: removes the address.
my $request = pack("Z16 S x22", "eth0", AF_INET);
ioctl($socket, 0x8916, $request) or die $!;
"""


@contextmanager
def network(subnet: str, *, ipv6: str = "") -> Iterator[Network]:
    """Yield a Docker network with these subnets."""
    pools = [IPAMPool(subnet=one) for one in (subnet, ipv6) if one]
    options = {"ipam": IPAMConfig(pool_configs=pools), "enable_ipv6": bool(ipv6)}
    with Network(docker_network_kw=options) as created:
        yield created


def join(lab: Lab, joined: Network, server: Server, name: str) -> None:
    """Connect a running server to a network."""
    lab.docker.networks.get(joined.name).connect(server.container, aliases=[name])


def addresses(joined: Network, server: Server) -> dict[str, str]:
    """Return the server's addresses on a network, and its gateways."""
    server.container.reload()
    found: dict[str, str] = server.container.attrs["NetworkSettings"]["Networks"][joined.name]
    return found


def may_send(probe: Probe, host: str, subject: str, port: int = 25) -> str:
    """Return the reply to the recipient of a mail to another domain."""
    answers = probe.talk(host, port, HELLO, *mail(subject, sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT))
    return answers[3]


def trusts(server: Server, subnet: str) -> bool:
    """Return whether the configuration trusts a network; Postfix reloads it a moment later."""
    return subnet in server.run("postconf", "-h", "internal_networks").split()


def test_start_logs_the_trusted_networks(lab: Lab, server: Server) -> None:
    """The start logs which networks port 25 trusts, and the gateways that it does not trust."""
    config = lab.docker.networks.get(server.network).attrs["IPAM"]["Config"][0]
    (line,) = (one for one in server.printed().splitlines() if "port 25 accepts mail from" in one)
    trusted, _, gateways = line.partition(", but not from the gateways ")
    assert config["Subnet"] in trusted.split()
    assert gateways.split() == [config["Gateway"]]


def test_created_again_with_another_subnet(lab: Lab, relay: Relay, subject: str) -> None:
    """A network that is created again with another subnet is trusted after `docker network connect`."""
    with lab.server("anew.lab") as server:
        with network("10.211.96.0/24") as before:
            join(lab, before, server, "before.lab")
            server.until("the first subnet", lambda: trusts(server, "10.211.96.0/24"))
            lab.docker.networks.get(before.name).disconnect(server.container)
            server.until("the network forgotten", lambda: not trusts(server, "10.211.96.0/24"))
        with network("10.211.97.0/24") as after, lab.probe_on(after) as probe:
            join(lab, after, server, "after.lab")
            server.until("the second subnet", lambda: trusts(server, "10.211.97.0/24"))
            server.until("mail accepted", lambda: may_send(probe, "after.lab", subject).startswith("250 "))
            relay.received(subject)
            configured, joined = server.run("mail-server", "networks").splitlines()[:2]
            lab.docker.networks.get(after.name).disconnect(server.container)
        assert configured.partition(": ")[2] == joined.partition(": ")[2]
        assert "!10.211.97.1" in joined.split()
        assert server.printed().count("daemon started") == 1


def test_clients_with_the_gateways_address(lab: Lab) -> None:
    """Two mails that are rejected for a client with the gateway's address are explained once, and counted."""
    with lab.server("gateway.lab", ports={}) as server:
        gateway = str(addresses(lab.network, server)["Gateway"])
        lab.probe.talk("gateway.lab", 2525, HELLO, *mail("no", sender="x@y.example", recipient=EXTERNAL_RECIPIENT))
        for _ in range(2):
            answers = server.talk(25, HELLO, *mail("no", sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT))
            assert answers[3].startswith("554 5.7.1 ")
        explained = f"a client has the address {gateway}, which is the gateway of a Docker network"
        server.until("the explanation", lambda: explained in server.printed())
        server.talk(2525, HELLO, *mail("no", sender="x@y.example", recipient=EXTERNAL_RECIPIENT))
        count = f"gateway client: {gateway} 3"
        server.until("the count", lambda: count in server.run("mail-server", "networks").splitlines())
        assert server.printed().count("which is the gateway of a Docker network") == 1


# ---- IPv6


@pytest.fixture(scope="module")
def ula() -> Iterator[Network]:
    """Return a network with a private IPv6 subnet."""
    with network("10.211.98.0/24", ipv6="fd4a:93c1:7e20:1::/64") as created:
        yield created


@pytest.fixture(scope="module")
def ipv6(lab: Lab, ula: Network) -> Iterator[Server]:
    """Return a server with IPv6, on that network, and on the lab's with the relay."""
    container = lab.build("six.lab", variables=IPV6, ports={}).with_network(ula)
    with container:
        server = Server(container.get_wrapped_container())
        server.wait_until_started()
        join(lab, lab.network, server, "ipv6.lab")
        yield server


@pytest.fixture(scope="module")
def ipv6_address(ula: Network, ipv6: Server) -> str:
    """Return the IPv6 address of that server."""
    return addresses(ula, ipv6)["GlobalIPv6Address"]


@pytest.fixture(scope="module")
def neighbour(lab: Lab, ula: Network) -> Iterator[Probe]:
    """Return a probe on the network with IPv6."""
    with lab.probe_on(ula) as probe:
        yield probe


@pytest.fixture(scope="module")
def outsider(lab: Lab) -> Iterator[Probe]:
    """Return a probe on another network with IPv6, which the server is not on."""
    with network("10.211.99.0/24", ipv6="fd4a:93c1:7e20:2::/64") as other, lab.probe_on(other) as probe:
        yield probe


def test_ipv6_neighbour_may_send(ipv6: Server, ipv6_address: str, neighbour: Probe, relay: Relay, subject: str) -> None:
    """A container on a joined network sends to any recipient through port 25, by IPv6 and without a login."""
    assert may_send(neighbour, ipv6_address, subject).startswith("250 ")
    queue_id = relay.received(subject)["message_id"]
    log = ipv6.wait_for_log(queue_id)
    assert "postfix/internal/smtpd" in log
    assert "client=unknown[fd4a:93c1:7e20:1::" in log


def test_ipv4_neighbour_may_send(ipv6: Server, neighbour: Probe, relay: Relay, subject: str) -> None:
    """IPv4 stays as it is beside IPv6."""
    assert ipv6.run("postconf", "-h", "inet_protocols").strip() == "all"
    assert may_send(neighbour, neighbour.resolve("six.lab"), subject).startswith("250 ")
    relay.received(subject)


@pytest.mark.parametrize(
    ("port", "reply"),
    [pytest.param(25, "Client host rejected", id="25"), pytest.param(2525, "Relay access", id="2525")],
)
def test_ipv6_container_of_another_network(ipv6_address: str, outsider: Probe, port: int, reply: str) -> None:
    """A container of a network that the server is not on may not relay at any port."""
    answer = may_send(outsider, ipv6_address, "no", port)
    assert answer.startswith("554 5.7.1 ")
    assert reply in answer


def test_ipv6_public_port_does_not_relay(ipv6_address: str, neighbour: Probe) -> None:
    """The public port does not relay for a container of a joined network either."""
    assert may_send(neighbour, ipv6_address, "no", 2525).endswith("Relay access denied")


def test_ipv6_gateway_is_not_trusted(ipv6: Server, ipv6_address: str) -> None:
    """This host, whose address is the network's gateway, may not relay through port 25."""
    answers = talk(ipv6_address, 25, (HELLO, *mail("no", sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT)))
    assert answers[3].startswith("554 5.7.1 <unknown[fd4a:93c1:7e20:1::1]>: Client host rejected")
    explained = "a client has the address fd4a:93c1:7e20:1::1, which is the gateway of a Docker network"
    ipv6.until("the explanation", lambda: explained in ipv6.printed())


def test_ipv6_link_local_is_not_trusted(ipv6: Server, neighbour: Probe) -> None:
    """A link-local client address is not trusted, although the container is on a joined network."""
    routes = ipv6.run("cat", "/proc/net/if_inet6").splitlines()
    link_local = next(line[:32] for line in routes if line.startswith("fe80"))
    address = ":".join(link_local[at : at + 4] for at in range(0, 32, 4))
    assert may_send(neighbour, f"{address}%eth0", "no").startswith("554 5.7.1 ")


def test_ipv6_trusted_networks(ipv6: Server) -> None:
    """Trusted are the joined subnets of both families, after their gateways, and no link-local or wider network."""
    trusted = ipv6.run("postconf", "-h", "internal_networks").split()
    assert {one for one in trusted if ":" in one} == {
        "[::1]/128",
        "![fd4a:93c1:7e20:1::1]",
        "[fd4a:93c1:7e20:1::]/64",
    }
    assert trusted.index("![fd4a:93c1:7e20:1::1]") < trusted.index("[fd4a:93c1:7e20:1::]/64")
    assert {"!10.211.98.1", "10.211.98.0/24"} <= set(trusted)


def test_ipv6_network_joined_and_left(lab: Lab, ipv6: Server, subject: str, relay: Relay) -> None:
    """An IPv6 network that is connected at run time is trusted without a restart, and no longer after it is left."""
    subnet = "[fd4a:93c1:7e20:3::]/64"
    with network("10.211.100.0/24", ipv6="fd4a:93c1:7e20:3::/64") as later, lab.probe_on(later) as probe:
        join(lab, later, ipv6, "later.lab")
        ipv6.until("the new network", lambda: trusts(ipv6, subnet))
        address = addresses(later, ipv6)["GlobalIPv6Address"]
        ipv6.until("mail accepted", lambda: may_send(probe, address, subject).startswith("250 "))
        relay.received(subject)
        lab.docker.networks.get(later.name).disconnect(ipv6.container)
        ipv6.until("the network forgotten", lambda: not trusts(ipv6, subnet))


def test_ipv6_battery(lab: Lab, ipv6: Server, ipv6_address: str, outsider: Probe) -> None:
    """The abuse battery of IPv4, by IPv6 from a container of another network: no trick relays."""
    talks = {Origin.OUTSIDE: lambda port, script: outsider.talk(ipv6_address, port, *script)}
    outside = [one for one in tricks() if one.origin is Origin.OUTSIDE and one.session is not Session.FRESH][::4]
    failed = [one for one in audit(ipv6, lab.relay, talks, outside) if one.verdict is not Verdict.WITHSTOOD]
    assert failed == [], "\n".join(table(failed))


@pytest.fixture(scope="module")
def ipv6_only(ula: Network) -> Iterator[Server]:
    """Return a container with the image and no running server, which has an IPv6 address and no IPv4 address."""
    container = DockerContainer(MAIL_SERVER, network=ula).with_network_aliases("mail-queue")
    container.with_kwargs(
        entrypoint=["sleep", "infinity"], init=True, cap_add=["NET_ADMIN"], healthcheck=NO_HEALTHCHECK
    )
    with container:
        tool = Server(container.get_wrapped_container())
        tool.run("perl", "-e", WITHOUT_IPV4)
        yield tool


def test_container_with_ipv6_only(ipv6_only: Server) -> None:
    """Without an IPv4 address the start warns with one line that names the fix."""
    lines = ipv6_only.run("mail-server", "check", environment=IPV6_ONLY).splitlines()
    (line,) = (line for line in lines if "INET_PROTOCOLS" in line)
    assert line == (
        "mail-server: warning: INET_PROTOCOLS: ipv4, but this container has no IPv4 address: mail can neither come in "
        "nor leave; it has IPv6: set INET_PROTOCOLS=all, or join it to a network with IPv4"
    )


def test_server_with_ipv6_only(ula: Network, ipv6_only: Server, neighbour: Probe) -> None:
    """With INET_PROTOCOLS=all the server starts without an IPv4 address; port 25 and the queue use IPv6."""
    variables = IPV6_ONLY | IPV6
    lines = ipv6_only.run("mail-server", "check", environment=variables).splitlines()
    assert [line for line in lines if "INET_PROTOCOLS" in line] == []
    ipv6_only.container.exec_run(["mail-server"], environment=variables, detach=True)
    greets = ["/usr/local/lib/mail-server/healthcheck"]
    until("Postfix started", lambda: ipv6_only.container.exec_run(greets).exit_code == 0)
    address = addresses(ula, ipv6_only)["GlobalIPv6Address"]
    assert may_send(neighbour, address, "queued").startswith("250 ")
    queue = ipv6_only.run("timeout", "5", "bash", "-c", f"cat </dev/tcp/{address}/9025")
    assert EXTERNAL_RECIPIENT in queue
