"""Network checks: joined networks, trust at port 25, and clients with a gateway's address."""

from pathlib import Path

import pytest

from mail_check.checks import networks
from mail_check.host_facts import ContainerState, HostFacts
from mail_check.results import CheckStatus

RUNNING = {"mail-server": ContainerState("running"), "mail-api": ContainerState("running")}
TRUST = "!172.18.0.1 ![fd00::1] 127.0.0.0/8 172.18.0.0/16 [fd00::]/64"
CURRENT = {"configured": TRUST, "joined": TRUST}
ROUTES = (
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
)
OTHER_ROUTE = "eth1\t0050A8C0\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0\n"


def facts(server: set[str], api: set[str], trust: dict[str, str] = CURRENT) -> HostFacts:
    """Return the facts of running containers on these networks."""
    return HostFacts(RUNNING, networks={"mail-server": frozenset(server), "mail-api": frozenset(api)}, trust=trust)


def test_subnets() -> None:
    """The subnets of the interfaces are read, without the default route."""
    assert {"172.18.0.0/16", "192.168.80.0/20"} == networks.subnets(ROUTES + OTHER_ROUTE)


@pytest.mark.parametrize(
    ("given", "routes", "status", "words"),
    [
        pytest.param(HostFacts(), ROUTES, CheckStatus.UNKNOWN, "mail-server does not run", id="before the start"),
        pytest.param(
            facts({"web", "inner"}, {"inner"}),
            ROUTES,
            CheckStatus.OK,
            "mail-server is on inner and web; mail-api on inner",
            id="joined",
        ),
        pytest.param(
            facts({"web"}, {"inner"}),
            ROUTES,
            CheckStatus.FAILED,
            "share no network: web, and inner",
            id="no network in common",
        ),
        pytest.param(facts(set(), {"inner"}), ROUTES, CheckStatus.FAILED, "no network, and inner", id="no network"),
        pytest.param(
            facts({"inner"}, {"inner"}),
            ROUTES + OTHER_ROUTE,
            CheckStatus.WARNING,
            "not on 192.168.80.0/20, which Compose joins it to",
            id="created again with another subnet",
        ),
        pytest.param(
            facts({"inner"}, {"inner"}, {}), ROUTES, CheckStatus.OK, "mail-server is on inner", id="subnets not known"
        ),
    ],
)
def test_joined(tmp_path: Path, given: HostFacts, routes: str, status: CheckStatus, words: str) -> None:
    """The mail server has to be on a network of mail-api, and should be on each of Compose's."""
    (tmp_path / "route").write_text(routes)
    (found,) = networks.check_joined(given, tmp_path / "route")
    assert status == found.status, found
    assert words in found.message


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        pytest.param(HostFacts(), CheckStatus.UNKNOWN, "mail-server does not run", id="before the start"),
        pytest.param(
            HostFacts(RUNNING, trust=CURRENT),
            CheckStatus.OK,
            "port 25 accepts mail from 127.0.0.0/8, 172.18.0.0/16, [fd00::]/64, "
            "but not from the gateways 172.18.0.1, [fd00::1]",
            id="current",
        ),
        pytest.param(
            HostFacts(RUNNING, trust={"configured": "127.0.0.0/8", "joined": TRUST}),
            CheckStatus.WARNING,
            "port 25 trusts 127.0.0.0/8; with the networks joined now it would be 127.0.0.0/8, 172.18.0.0/16",
            id="joined later",
        ),
        pytest.param(HostFacts(RUNNING), CheckStatus.UNKNOWN, "does not list its networks", id="an older image"),
    ],
)
def test_trusted(given: HostFacts, status: CheckStatus, words: str) -> None:
    """Trusted are the networks that are joined now."""
    found = networks.check_trusted(given)
    assert status == found.status, found
    assert words in found.message


def test_gateway_clients() -> None:
    """Each gateway's address that clients have is a warning with the number of mails."""
    given = HostFacts(RUNNING, gateway_clients={"172.18.0.1": 3, "fd00::1": 1})
    first, second = networks.check_gateway_clients(given)
    assert (first.status, second.status) == (CheckStatus.WARNING, CheckStatus.WARNING)
    assert first.message.startswith("3 times in the mail log, ")
    assert "with the address 172.18.0.1," in first.message
    assert "docs/networks.md" in first.fix


def test_no_gateway_clients() -> None:
    """Without such clients there is nothing to do, and before the start nothing is known."""
    assert [CheckStatus.OK] == [one.status for one in networks.check_gateway_clients(HostFacts(RUNNING))]
    assert [CheckStatus.UNKNOWN] == [one.status for one in networks.check_gateway_clients(HostFacts())]
