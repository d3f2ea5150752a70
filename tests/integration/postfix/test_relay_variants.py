"""Relays that are not like Gmail: other ports and logins, and names from /etc/hosts or Docker."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.integration.postfix.containers import Relay
from tests.integration.postfix.lab import Lab
from tests.integration.postfix.mails import submit
from tests.integration.postfix.test_waiting import NO_ACCOUNT

NAME: Final = "other-relay.lab"
IN_HOSTS: Final = "smtp.corp.example"


@pytest.fixture(scope="module")
def other(lab: Lab) -> Iterator[Relay]:
    """Return a relay with two unusual ports: TLS from the first byte at the first, STARTTLS at the second."""
    variables = {"SANDBOX_HOSTNAMES": f"{NAME},{IN_HOSTS}", "SANDBOX_SMTPS_PORT": "2465"}
    with lab.sandbox(NAME, **variables, SANDBOX_SUBMISSION_PORT="4587") as relay:
        yield relay


@pytest.mark.parametrize(
    ("port", "mode"),
    [
        pytest.param("2465", "auto", id="2465 is implicit TLS by itself"),
        pytest.param("2465", "implicit", id="implicit TLS"),
        pytest.param("4587", "auto", id="STARTTLS by itself"),
        pytest.param("4587", "starttls", id="STARTTLS"),
    ],
)
def test_tls_mode(lab: Lab, other: Relay, subject: str, port: str, mode: str) -> None:
    """Mail leaves by verified TLS in the mode of SMTP_RELAY_TLS."""
    variables = {"SMTP_RELAY_HOST": NAME, "SMTP_RELAY_PORT": port, "SMTP_RELAY_TLS": mode}
    with lab.server("mode.lab", variables=variables) as server:
        submit(server, subject)
        assert other.received(subject)["tls_version"].startswith("TLSv1.")
        server.wait_for_log(f"Verified TLS connection established to {NAME}[", f"]:{port}: ")


def test_relay_without_login(lab: Lab, relay: Relay, subject: str) -> None:
    """A relay that needs no login gets mail without one."""
    with relay.fault("no_login"), lab.server("nologin.lab", variables=NO_ACCOUNT) as server:
        submit(server, subject)
        assert relay.received(subject)["sender"] == "hi@shop.example"
    assert [one for one in relay.attempts() if one["stage"] == "auth"] == []


def test_login_only(lab: Lab, relay: Relay, subject: str) -> None:
    """Postfix logs in to a relay that offers AUTH LOGIN only."""
    with relay.fault("login_only"), lab.server("loginonly.lab") as server:
        submit(server, subject)
        relay.received(subject)
    replies = [one["reply"] for one in relay.attempts() if one["stage"] == "auth"]
    assert replies[0].startswith("334 ")
    assert replies[-1].startswith("235 ")


def test_name_in_hosts(lab: Lab, other: Relay, subject: str) -> None:
    """Postfix and `mail-server check` find a name that is in /etc/hosts only."""
    address = lab.probe.resolve(NAME)
    variables = {"SMTP_RELAY_HOST": IN_HOSTS, "SMTP_RELAY_PORT": "4587"}
    with lab.server("hosts.lab", variables=variables, hosts={IN_HOSTS: address}) as server:
        submit(server, subject)
        other.received(subject)
        server.wait_for_log(f"relay={IN_HOSTS}[{address}]:4587", "status=sent")
        assert f"Relay Address: {address}" in server.run("mail-server", "check").splitlines()


def test_hosts_come_first(lab: Lab, other: Relay, subject: str) -> None:
    """A name in /etc/hosts takes precedence over DNS."""
    address = lab.probe.resolve(NAME)
    variables = {"SMTP_RELAY_PORT": "4587", "TLS_VERIFY": "no"}
    with lab.server("hides.lab", variables=variables, hosts={"relay.lab": address}) as server:
        submit(server, subject)
        other.received(subject)
        assert f"Relay Address: {address}" in server.run("mail-server", "check").splitlines()


def test_unknown_name(lab: Lab, relay: Relay, subject: str) -> None:
    """With a name that cannot be resolved, mail waits, and `mail-server check` warns."""
    variables = {"SMTP_RELAY_HOST": "no-such-host.invalid"}
    with lab.server("unknown.lab", variables=variables) as server:
        submit(server, subject)
        server.wait_for_log("dsn=4.3.5, status=deferred (unable to look up host no-such-host.invalid: ")
        assert "SMTP_RELAY_HOST: no-such-host.invalid has no IPv4 address" in server.run("mail-server", "check")
    assert relay.mails() == []
