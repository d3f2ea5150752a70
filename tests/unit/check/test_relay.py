"""Relay checks at the sandbox relay with its faults; the sender; direct delivery."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail_check.checks import relay as checks
from mail_check.dns_resolver import DnsResolver
from mail_check.results import CheckStatus, Result
from mail_check.settings import RelaySettings, Secret
from mail_sandbox.certificates import ServerTls, authority, server_tls
from mail_sandbox.faults import build
from mail_sandbox.relay import Relay as Sandbox
from mail_sandbox.settings import Settings
from mail_sandbox.state import create_sandbox
from tests.unit.check.conftest import DIRECT, mail_settings
from tests.unit.check.test_services import greeting_server

PASSWORD = "sandboxapppasswd"

Attempt = Callable[..., Awaitable[dict[str, Result]]]
LoadZone = Callable[[str], DnsResolver]


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the CA certificate of these tests."""
    return tmp_path_factory.mktemp("certs") / "ca.pem"


@pytest.fixture(scope="module")
def tls(ca_file: Path) -> ServerTls:
    """Return the relay's certificates."""
    now = dt.datetime.now(dt.UTC)
    return server_tls(authority(ca_file, now=now), ["localhost"], now=now)


@pytest.fixture
async def sandbox(ca_file: Path, tls: ServerTls) -> AsyncIterator[Sandbox]:
    """Return a relay on free ports of this machine."""
    state = create_sandbox(Settings(ca_file=ca_file), clock=lambda: 0.0)
    sandbox = Sandbox(state, tls, bind="127.0.0.1", submission_port=0, smtps_port=0)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
def attempt(sandbox: Sandbox, ca_file: Path) -> Attempt:
    """Return a function that checks the relay with changed settings or a fault, and returns results by name."""

    async def check(fault: str = "", parameters: dict[str, Any] | None = None, **changes: Any) -> dict[str, Result]:  # noqa: ANN401 - fields of RelaySettings
        if fault:
            switched_on = build(fault, parameters or {})
            sandbox._sandbox.faults.switch_on(switched_on)  # noqa: SLF001 - as its control page does
            await sandbox.fault_switched_on(switched_on)
        usual = RelaySettings(
            host="localhost",
            port=sandbox.smtps_port if changes.get("implicit_tls") else sandbox.submission_port,
            username="sandbox@gmail.example",
            password=Secret(PASSWORD),
            ca_file=str(ca_file),
            use_tls=True,
            verify=True,
            implicit_tls=False,
        )
        found = await asyncio.to_thread(
            lambda: list(checks.check_relay(mail_settings(), replace(usual, **changes), 0.7))
        )
        assert PASSWORD not in str(found)
        assert "sandbox@" not in str(found)
        return {result.name: result for result in found}

    return check


@pytest.mark.parametrize("implicit_tls", [False, True], ids=["STARTTLS", "TLS from the first byte"])
async def test_working_relay(attempt: Attempt, implicit_tls: bool) -> None:  # noqa: FBT001 - the table's column
    """At a working relay all steps are ok; DEFAULT_FROM differs from the account, which is a warning at Gmail."""
    found = await attempt(implicit_tls=implicit_tls)
    assert list(found) == ["connection", "TLS", "certificate", "login", "DEFAULT_FROM"]
    assert [one.status for one in found.values()] == [*[CheckStatus.OK] * 4, CheckStatus.WARNING]
    assert "TLSv1.3, certificate for localhost verified by" in found["TLS"].message


@pytest.mark.parametrize(
    ("fault", "parameters", "name", "status", "words", "fix"),
    [
        ("wrong_password", {}, "login", CheckStatus.FAILED, "535 5.7.8 Username and Password", "new app password"),
        ("app_password_required", {}, "login", CheckStatus.FAILED, "534 5.7.9 Application-specific", "app password"),
        ("too_many_logins", {}, "login", CheckStatus.WARNING, "454 4.7.0", "RELAY_RATE_DELAY"),
        ("try_again_later", {}, "connection", CheckStatus.WARNING, "421 4.7.0", "Wait"),
        ("no_starttls", {}, "TLS", CheckStatus.FAILED, "does not offer STARTTLS", "SMTP_RELAY_PORT"),
        ("bad_certificate", {"kind": "self_signed"}, "TLS", CheckStatus.FAILED, "self-signed", "SMTP_RELAY_CA_FILE"),
        ("bad_certificate", {"kind": "expired"}, "TLS", CheckStatus.FAILED, "has expired", "SMTP_RELAY_CA_FILE"),
        ("bad_certificate", {"kind": "wrong_name"}, "TLS", CheckStatus.FAILED, "Hostname mismatch", "SMTP_RELAY_HOST"),
        ("refuse_connection", {}, "connection", CheckStatus.FAILED, "Connection refused", "SMTP_RELAY_PORT"),
        ("slow", {"seconds": 600, "at": "banner"}, "connection", CheckStatus.FAILED, "no answer in time", "465"),
        ("slow", {"seconds": 600, "at": "auth"}, "login", CheckStatus.FAILED, "no answer in time", "relay is up"),
    ],
)  # fmt: skip
async def test_faults(  # noqa: PLR0913, PLR0917 - the table's columns
    attempt: Attempt, fault: str, parameters: dict[str, Any], name: str, status: CheckStatus, words: str, fix: str
) -> None:
    """The failing step has the relay's reply and the fix; the steps before it are ok."""
    results = await attempt(fault, parameters)
    found = results[name]
    assert status == found.status, found
    assert {one.status for step, one in results.items() if step not in (name, "DEFAULT_FROM")} <= {CheckStatus.OK}
    assert words in found.message
    assert fix in found.fix


async def test_wrong_password(attempt: Attempt) -> None:
    """A wrong password is refused, and not printed."""
    found = await attempt(password=Secret("pässword with blanks"))
    assert found["login"].status is CheckStatus.FAILED
    assert "blanks" not in str(found)


@pytest.mark.parametrize(
    ("changes", "name", "status", "words"),
    [
        pytest.param({"verify": False}, "TLS", CheckStatus.WARNING, "TLS_VERIFY=no", id="not verified"),
        pytest.param({"use_tls": False}, "TLS", CheckStatus.WARNING, "in plain text", id="no TLS"),
        pytest.param({"ca_file": None}, "TLS", CheckStatus.FAILED, "unable to get local issuer", id="not our CA"),
        pytest.param({"ca_file": "/no/such.pem"}, "TLS", CheckStatus.FAILED, "No such file", id="no CA file"),
        pytest.param(
            {"host": "nowhere.invalid"},
            "connection",
            CheckStatus.FAILED,
            "there is no host nowhere.invalid",
            id="no host",
        ),
        pytest.param({"username": ""}, "login", CheckStatus.OK, "SMTP_RELAY_USERNAME is not set", id="no account"),
    ],
)
async def test_settings(attempt: Attempt, changes: dict[str, Any], name: str, status: CheckStatus, words: str) -> None:
    """The relay's settings decide how the connection is made."""
    found = await attempt(**changes)
    assert status == found[name].status, found
    assert words in found[name].message


async def test_starttls_at_the_port_for_tls(attempt: Attempt, sandbox: Sandbox) -> None:
    """STARTTLS fails at a port that expects TLS from the first byte."""
    found = await attempt(port=sandbox.smtps_port)
    assert found["connection"].status is CheckStatus.FAILED


async def test_tls_at_the_port_for_starttls(attempt: Attempt, sandbox: Sandbox) -> None:
    """TLS from the first byte fails at a port that expects STARTTLS."""
    found = await attempt(port=sandbox.submission_port, implicit_tls=True)
    assert (found["TLS"].status, found["TLS"].message) == (CheckStatus.FAILED, "no TLS: WRONG_VERSION_NUMBER")


@pytest.mark.parametrize(
    ("default_from", "rewriting", "status"),
    [
        ("Shop@gmail.com", True, CheckStatus.OK),
        ("hi@shop.org", True, CheckStatus.WARNING),
        ("hi@shop.org", False, CheckStatus.OK),
    ],
)
def test_sender(default_from: str, rewriting: bool, status: CheckStatus) -> None:  # noqa: FBT001 - the table's column
    """At Gmail DEFAULT_FROM has to be the account; addresses are masked."""
    found = checks.sender_result(default_from, "shop@gmail.com", rewrites=rewriting)
    assert status == found.status
    assert "hi@" not in found.message


@pytest.mark.parametrize(
    ("host", "reply", "expected"),
    [
        ("smtp.gmail.com", "", True),
        ("smtp-relay.gmail.com", "2.7.0 Accepted - gsmtp", False),
        ("smtp.notgmail.com", "", False),
        ("mail.google.com.evil.org", "", False),
        ("sandbox-relay", "2.7.0 Accepted - gsmtp", True),
    ],
)
def test_rewrites(host: str, reply: str, expected: bool) -> None:  # noqa: FBT001 - the table's column
    """Gmail is recognized by the end of its host name, or by the signature in its reply."""
    assert expected == checks.rewrites_sender(host, reply)


def test_port_25_is_open(dns: LoadZone) -> None:
    """An open port 25 is a warning that names the variable of a relay."""
    resolver = dns("elsewhere.org. MX 10 localhost.")
    with greeting_server(b"220 elsewhere.org ESMTP\r\n") as (_, port):
        found = checks.check_direct_delivery(mail_settings(**DIRECT), resolver, 2, port)
    assert found.status is CheckStatus.WARNING
    assert "SMTP_RELAY_HOST" in found.fix


def test_port_25_is_closed(dns: LoadZone) -> None:
    """A closed port 25 is a failure whose fix is a relay."""
    found = checks.check_direct_delivery(mail_settings(**DIRECT), dns("elsewhere.org. MX 10 localhost."), 2, 1)
    assert found.status is CheckStatus.FAILED
    assert "SMTP_RELAY_HOST" in found.fix


def test_port_25_without_a_server_to_try(dns: LoadZone) -> None:
    """Without FORWARD_EMAIL the result is unknown."""
    assert (
        checks.check_direct_delivery(mail_settings(**DIRECT | {"FORWARD_EMAIL": ""}), dns(""), 1).status
        is CheckStatus.UNKNOWN
    )


@pytest.mark.parametrize(
    ("host", "sender", "expected"),
    [
        pytest.param("smtp.office365.com", "", [CheckStatus.WARNING], id="strict, not set"),
        pytest.param("smtp.office365.com", "bounces@shop.org", [CheckStatus.OK], id="strict, set"),
        pytest.param("smtp.gmail.com", "", [], id="Gmail"),
        pytest.param("notgmx.net", "", [], id="another domain"),
    ],
)
def test_relay_sender(host: str, sender: str, expected: list[CheckStatus]) -> None:
    """At relays that accept the account's senders only, SMTP_RELAY_SENDER should be set."""
    relay = mail_settings(SMTP_RELAY_HOST=host, SMTP_RELAY_SENDER=sender).relay
    assert relay is not None
    found = list(checks.relay_sender_results(relay))
    assert expected == [one.status for one in found]
    assert "bounces@" not in str(found)
