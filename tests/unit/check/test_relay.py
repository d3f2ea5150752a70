"""The way out, tried at a Gmail look-alike with all its faults."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mail_check import relay as way_out
from mail_check.finding import Status, Verdict
from mail_check.stack import Relay, Secret
from mail_sandbox.certificates import ServerTls, authority, server_tls
from mail_sandbox.faults import build
from mail_sandbox.relay import Relay as Sandbox
from mail_sandbox.settings import Settings
from mail_sandbox.state import create_sandbox
from tests.unit.check.conftest import stack_of

PASSWORD = "sandboxapppasswd"

Try = Callable[..., Awaitable[dict[str, Verdict]]]


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the CA certificate of these tests is."""
    return tmp_path_factory.mktemp("certs") / "ca.pem"


@pytest.fixture(scope="module")
def tls(ca_file: Path) -> ServerTls:
    """The relay's certificates."""
    now = dt.datetime.now(dt.UTC)
    return server_tls(authority(ca_file, now=now), ["localhost"], now=now)


@pytest.fixture
async def sandbox(ca_file: Path, tls: ServerTls) -> AsyncIterator[Sandbox]:
    """A relay that listens on free ports of this machine."""
    state = create_sandbox(Settings(ca_file=ca_file), clock=lambda: 0.0)
    sandbox = Sandbox(state, tls, bind="127.0.0.1", submission_port=0, smtps_port=0)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
def attempt(sandbox: Sandbox, ca_file: Path) -> Try:
    """Tries the way out, with some of the relay's settings changed and a fault on; returns verdicts by name."""

    async def tried(fault: str = "", parameters: dict[str, Any] | None = None, **changes: Any) -> dict[str, Verdict]:  # noqa: ANN401 - fields of Relay
        if fault:
            switched_on = build(fault, parameters or {})
            sandbox._sandbox.faults.switch_on(switched_on)  # noqa: SLF001 - what its control page does
            await sandbox.fault_switched_on(switched_on)
        usual = Relay(
            host="localhost",
            port=sandbox.smtps_port if changes.get("implicit_tls") else sandbox.submission_port,
            username="sandbox@gmail.example",
            password=Secret(PASSWORD),
            ca_file=str(ca_file),
            use_tls=True,
            verify=True,
            implicit_tls=False,
        )
        found = await asyncio.to_thread(lambda: list(way_out.look(stack_of(), replace(usual, **changes), 0.7)))
        assert PASSWORD not in str(found)
        assert "sandbox@" not in str(found)
        return {verdict.name: verdict for verdict in found}

    return tried


@pytest.mark.parametrize("implicit_tls", [False, True], ids=["STARTTLS", "TLS from the first byte"])
async def test_all_is_well(attempt: Try, implicit_tls: bool) -> None:  # noqa: FBT001 - the table's column
    """Connection, TLS, certificate and login are well; the sender is not the account's, which Gmail minds."""
    found = await attempt(implicit_tls=implicit_tls)
    assert list(found) == ["connection", "TLS", "certificate", "login", "DEFAULT_FROM"]
    assert [one.status for one in found.values()] == [*[Status.OK] * 4, Status.WARNING]
    assert "TLSv1.3, certificate for localhost verified by" in found["TLS"].message


@pytest.mark.parametrize(
    ("fault", "parameters", "name", "status", "words", "fix"),
    [
        ("wrong_password", {}, "login", Status.FAILED, "535 5.7.8 Username and Password", "new app password"),
        ("app_password_required", {}, "login", Status.FAILED, "534 5.7.9 Application-specific", "app password"),
        ("too_many_logins", {}, "login", Status.WARNING, "454 4.7.0", "RELAY_RATE_DELAY"),
        ("try_again_later", {}, "connection", Status.WARNING, "421 4.7.0", "Wait"),
        ("no_starttls", {}, "TLS", Status.FAILED, "does not offer STARTTLS", "SMTP_RELAY_PORT"),
        ("bad_certificate", {"kind": "self_signed"}, "TLS", Status.FAILED, "self-signed", "SMTP_RELAY_CA_FILE"),
        ("bad_certificate", {"kind": "expired"}, "TLS", Status.FAILED, "certificate has expired", "SMTP_RELAY_CA_FILE"),
        ("bad_certificate", {"kind": "wrong_name"}, "TLS", Status.FAILED, "Hostname mismatch", "SMTP_RELAY_HOST"),
        ("refuse_connection", {}, "connection", Status.FAILED, "Connection refused", "SMTP_RELAY_PORT"),
        ("slow", {"seconds": 600, "at": "banner"}, "connection", Status.FAILED, "no answer in time", "465"),
        ("slow", {"seconds": 600, "at": "auth"}, "login", Status.FAILED, "no answer in time", "relay is up"),
    ],
)  # fmt: skip
async def test_faults(  # noqa: PLR0913, PLR0917 - the table's columns
    attempt: Try, fault: str, parameters: dict[str, Any], name: str, status: Status, words: str, fix: str
) -> None:
    """The step that fails says so, with the relay's words and what to do; those before it are well."""
    verdicts = await attempt(fault, parameters)
    found = verdicts[name]
    assert status == found.status, found
    assert {one.status for step, one in verdicts.items() if step not in (name, "DEFAULT_FROM")} <= {Status.OK}
    assert words in found.message
    assert fix in found.fix


async def test_wrong_password(attempt: Try) -> None:
    """A password of ours that is not the account's is refused, and not shown."""
    found = await attempt(password=Secret("pässword with blanks"))
    assert found["login"].status is Status.FAILED
    assert "blanks" not in str(found)


@pytest.mark.parametrize(
    ("changes", "name", "status", "words"),
    [
        pytest.param({"verify": False}, "TLS", Status.WARNING, "TLS_VERIFY=no", id="not verified"),
        pytest.param({"use_tls": False}, "TLS", Status.WARNING, "in the clear", id="no TLS"),
        pytest.param({"ca_file": None}, "TLS", Status.FAILED, "unable to get local issuer", id="not our CA"),
        pytest.param({"ca_file": "/no/such.pem"}, "TLS", Status.FAILED, "No such file", id="no CA file"),
        pytest.param(
            {"host": "nowhere.invalid"}, "connection", Status.FAILED, "there is no nowhere.invalid", id="no host"
        ),
        pytest.param({"username": ""}, "login", Status.OK, "SMTP_RELAY_USERNAME is not set", id="no account"),
    ],
)
async def test_settings(attempt: Try, changes: dict[str, Any], name: str, status: Status, words: str) -> None:
    """What the settings ask for is what is tried."""
    found = await attempt(**changes)
    assert status == found[name].status, found
    assert words in found[name].message


async def test_starttls_at_the_port_for_tls(attempt: Try, sandbox: Sandbox) -> None:
    """A port that speaks TLS from the first byte does not greet one who waits for it."""
    found = await attempt(port=sandbox.smtps_port)
    assert found["connection"].status is Status.FAILED


async def test_tls_at_the_port_for_starttls(attempt: Try, sandbox: Sandbox) -> None:
    """A port that speaks in the clear first is told as no TLS."""
    found = await attempt(port=sandbox.submission_port, implicit_tls=True)
    assert (found["TLS"].status, found["TLS"].message) == (Status.FAILED, "no TLS: WRONG_VERSION_NUMBER")
