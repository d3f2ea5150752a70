"""Host facts, as dev/check writes them."""

from hypothesis import given
from hypothesis import strategies as st

from mail_check.host_facts import ContainerState, HostFacts, PublishedPort, parse_host_facts

LINES = [
    "container\tmail-server\trunning\thealthy\t0\t",
    "container\tmail-api\texited\t\t2\tport is already allocated",
    "changed\tmail-server",
    "published\tmail-server\t2525/tcp\t0.0.0.0\t25",
    "network\tmail-server\tweb",
    "network\tmail-server\tmail_internal",
    "network\tmail-api\tweb",
    "trust\tconfigured\t!172.18.0.1 127.0.0.0/8 172.18.0.0/16",
    "trust\tjoined\t127.0.0.0/8",
    "trust\tgateway client\t172.18.0.1 3",
    "listening\t587",
    "nameserver\t127.0.0.53",
    "nameserver\t192.0.2.53",
    "nameserver\t192.0.2.53",
    "nameserver\tnone",
    "dollar\tSMTP_RELAY_PASSWORD\t16",
    "server\t64",
    "said\tmail-server: MAIL_DOMAIN: not\tset",
    "said\t",
    "weather\tsunny",
    "",
]


def test_lines() -> None:
    """Every kind of line is read, and other lines are ignored."""
    assert HostFacts(
        containers={
            "mail-server": ContainerState("running", "healthy", "0", ""),
            "mail-api": ContainerState("exited", "", "2", "port is already allocated"),
        },
        changed=frozenset({"mail-server"}),
        published=(PublishedPort("mail-server", 2525, "0.0.0.0", 25),),  # noqa: S104 - where Docker publishes
        networks={"mail-server": frozenset({"web", "mail_internal"}), "mail-api": frozenset({"web"})},
        trust={"configured": "!172.18.0.1 127.0.0.0/8 172.18.0.0/16", "joined": "127.0.0.0/8"},
        gateway_clients={"172.18.0.1": 3},
        listening=frozenset({587}),
        nameservers=("192.0.2.53",),
        dollars={"SMTP_RELAY_PASSWORD": 16},
        server_status=64,
        server_output=("mail-server: MAIL_DOMAIN: not\tset", ""),
    ) == parse_host_facts(f"{line}\n" for line in LINES)


def test_runs() -> None:
    """A service runs when its container has the state `running`."""
    facts = parse_host_facts(LINES)
    assert [True, False, False] == [facts.runs(one) for one in ("mail-server", "mail-api", "mail-exporter")]


@given(st.lists(st.text()))
def test_unknown_lines(lines: list[str]) -> None:
    """Any other text is ignored."""
    assert HostFacts() == parse_host_facts(f"else {line}" for line in lines)
