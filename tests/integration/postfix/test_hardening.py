"""Least privilege: what the container may do, and what Postfix itself says of its set-up."""

import pytest

from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.lab import PRODUCTION, Lab, Server


def test_privileges(server: Server) -> None:
    """It runs with a read-only root, without new privileges, and with seven capabilities."""
    host = server.container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert sorted(host["CapAdd"]) == sorted(PRODUCTION["cap_add"])
    assert len(host["CapAdd"]) == 7


@pytest.mark.parametrize("path", ["/etc", "/usr/local/bin", "/usr/lib/postfix", "/var/www", "/root"])
def test_read_only(server: Server, path: str) -> None:
    """Nothing of the image can be changed."""
    status, _ = server.container.exec_run(["sh", "-c", f"mkdir -p {path}/x && touch {path}/x/y"])
    assert status != 0


def test_postfix_check(server: Server) -> None:
    """`postfix check` finds nothing, and the log of a start has no warning."""
    assert server.run("sh", "-c", "postfix check 2>&1") == ""
    assert server.run("sh", "-c", "postconf -n 2>&1 >/dev/null; postconf -M 2>&1 >/dev/null") == ""
    assert [line for line in server.log().splitlines() if "warning: /" in line or "fatal:" in line] == []


def test_daemons_are_not_root(server: Server) -> None:
    """Apart from the master process, the entrypoint and its helpers, nothing that listens or delivers is root."""
    server.talk(25, HELLO)
    table = server.container.top(ps_args="-eo pid,user,comm")
    user, command = table["Titles"].index("USER"), table["Titles"].index("COMMAND")
    roots = {row[command] for row in table["Processes"] if row[user] == "root"}
    assert roots <= {"mail-server", "postfix-script", "master", "tail", "sed", "sleep", "sh", "bash"}


def test_submission_alone_offers_auth(server: Server) -> None:
    """Neither port 25 offers AUTH, and 587 only inside TLS."""
    for port in (25, 2525, 587):
        assert "AUTH" not in server.talk(port, HELLO)[1]


def test_the_log_service_has_no_tools_of_strangers(lab: Lab) -> None:
    """The image has neither a compiler nor a package index nor a client that fetches programs."""
    with lab.tool({}) as idle:
        _, found = idle.container.exec_run(
            ["sh", "-c", "command -v gcc curl wget nc telnet ssh python3; ls /var/lib/apt/lists"]
        )
    assert found.decode().split() == []
