"""What dev/check tells of the machine."""

from hypothesis import given
from hypothesis import strategies as st

from mail_check.host import Container, Host, Published, parse_host

LINES = [
    "container\tmail-server\trunning\thealthy\t0\t",
    "container\tmail-api\texited\t\t2\tport is already allocated",
    "changed\tmail-server",
    "published\tmail-server\t2525/tcp\t0.0.0.0\t25",
    "listening\t587",
    "nameserver\t127.0.0.53",
    "nameserver\t192.0.2.53",
    "nameserver\t192.0.2.53",
    "nameserver\tnone",
    "server\t64",
    "said\tmail-server: MAIL_DOMAIN: not\tset",
    "said\t",
    "weather\tsunny",
    "",
]


def test_lines() -> None:
    """Every kind of line is read, and one that is not known says nothing."""
    assert Host(
        containers={
            "mail-server": Container("running", "healthy", "0", ""),
            "mail-api": Container("exited", "", "2", "port is already allocated"),
        },
        changed=frozenset({"mail-server"}),
        published=(Published("mail-server", 2525, "0.0.0.0", 25),),  # noqa: S104 - where Docker publishes
        listening=frozenset({587}),
        nameservers=("192.0.2.53",),
        server_status=64,
        server_said=("mail-server: MAIL_DOMAIN: not\tset", ""),
    ) == parse_host(f"{line}\n" for line in LINES)


def test_runs() -> None:
    """A service runs when Docker says so; one without a container does not."""
    host = parse_host(LINES)
    assert [True, False, False] == [host.runs(one) for one in ("mail-server", "mail-api", "mail-exporter")]


@given(st.lists(st.text()))
def test_nothing_that_we_know(lines: list[str]) -> None:
    """Any other text is nothing."""
    assert Host() == parse_host(f"else {line}" for line in lines)
