"""Least privilege: the container's privileges, and Postfix's check of its own set-up."""

import pytest

from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Server
from tests.integration.postfix.lab import PRODUCTION, Lab

HELPERS = {
    *("bash", "sh", "perl", "cat", "cut", "grep", "head", "sed", "sort", "tail", "xargs"),
    *("basename", "date", "dirname", "gzip", "mv", "rm", "sleep", "stat", "touch"),
}
"""Programs that the entrypoint and `postfix logrotate` start."""


def test_privileges(server: Server) -> None:
    """The container has a read-only root, no new privileges, and seven capabilities."""
    host = server.container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert sorted(host["CapAdd"]) == sorted(PRODUCTION["cap_add"])
    assert len(host["CapAdd"]) == 7


@pytest.mark.parametrize("path", ["/etc", "/usr/local/bin", "/usr/lib/postfix", "/var/www", "/root"])
def test_read_only(server: Server, path: str) -> None:
    """No folder of the image is writable."""
    status, _ = server.container.exec_run(["sh", "-c", f"mkdir -p {path}/x && touch {path}/x/y"])
    assert status != 0


def test_postfix_check(server: Server) -> None:
    """`postfix check` has no complaint, and the log of a start has no warning."""
    assert server.run("sh", "-c", "postfix check 2>&1") == ""
    assert server.run("sh", "-c", "postconf -n 2>&1 >/dev/null; postconf -M 2>&1 >/dev/null") == ""
    assert [line for line in server.log().splitlines() if "warning: /" in line or "fatal:" in line] == []


def test_daemons_are_not_root(server: Server) -> None:
    """Of Postfix's processes only the master runs as root; no other process but the entrypoint's helpers does."""
    server.talk(25, HELLO)
    table = server.container.top(ps_args="-eo pid,ppid,user,comm")
    processes = [dict(zip(table["Titles"], row, strict=True)) for row in table["Processes"]]
    master = next(one["PID"] for one in processes if one["COMMAND"] == "master")
    users = {one["COMMAND"]: one["USER"] for one in processes if one["PPID"] == master}
    assert {"smtpd", "qmgr", "postlogd"} <= users.keys()
    assert "root" not in users.values(), users
    roots = {one["COMMAND"] for one in processes if one["USER"] == "root"}
    assert roots <= {"mail-server", "healthcheck", "postfix-script", "postconf", "master", *HELPERS}


def test_no_auth_without_tls(server: Server) -> None:
    """No port offers AUTH without TLS."""
    for port in (25, 2525, 587):
        assert "AUTH" not in server.talk(port, HELLO)[1]


def test_image_has_no_tools(lab: Lab) -> None:
    """The image has no compiler, no package index and no client for downloads."""
    with lab.tool({}) as idle:
        _, found = idle.container.exec_run(
            ["sh", "-c", "command -v gcc curl wget nc telnet ssh python3; ls /var/lib/apt/lists"]
        )
    assert found.decode().split() == []
