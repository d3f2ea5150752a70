"""Every fault of the sandbox relay, with a real SMTP client."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiosmtplib
import httpx2
import pytest

from mail_sandbox.certificates import ServerTls
from mail_sandbox.relay import PortUnavailableError, Relay
from mail_sandbox.state import Sandbox

Connect = Callable[[], Awaitable[aiosmtplib.SMTP]]
Send = Callable[[], Awaitable[str]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]

MAIL = b"Subject: Hi\r\n\r\nHello\r\n"


@pytest.fixture
def send(connect: Connect) -> Send:
    """Return a function that sends a mail over a new connection and returns the relay's last reply."""

    async def _send() -> str:
        try:
            client = await connect()
            _, answer = await client.sendmail("a@b.example", ["c@d.example"], MAIL)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return f"{error.recipients[0].code} {error.recipients[0].message}"
        except aiosmtplib.SMTPResponseException as error:
            return f"{error.code} {error.message}"
        except (aiosmtplib.SMTPException, OSError) as error:
            return f"{type(error).__name__} {error}"
        return f"250 {answer}"

    return _send


@pytest.mark.parametrize(
    ("fault", "parameters", "expected"),
    [
        ("wrong_password", {}, "535 5.7.8 Username and Password not accepted"),
        ("app_password_required", {}, "534 5.7.9 Application-specific password required"),
        ("too_many_logins", {}, "454 4.7.0 Too many login attempts"),
        ("limit_reached", {}, "550 5.4.5 Daily user sending limit exceeded"),
        ("limit_reached", {"at": "mail"}, "550 5.4.5 Daily user sending limit exceeded"),
        ("rate_limited", {}, "421 4.7.28 Gmail has detected an unusual rate of mail"),
        ("try_again_later", {}, "421 4.7.0 Try again later, closing connection."),
        ("greylist", {}, "451 4.7.1 Greylisted"),
        ("unknown_recipient", {}, "550 5.1.1 The email account that you tried to reach does not exist"),
        ("unknown_recipient", {"recipient": "c@d.example"}, "550 5.1.1 "),
        ("temporary_problem", {}, "451 4.3.0 Temporary System Problem"),
        ("temporary_problem", {"at": "mail"}, "451 4.3.0 "),
        ("temporary_problem", {"at": "rcpt"}, "451 4.3.0 "),
        ("temporary_problem", {"at": "data"}, "451 4.3.0 "),
        ("too_large", {}, "552 5.3.4 Your message exceeded"),
        ("content", {}, "552 5.7.0 This message was blocked"),
        ("drop_at_data", {}, "SMTPServerDisconnected"),
        ("no_starttls", {}, "SMTPException SMTP STARTTLS extension not supported"),
        ("bad_certificate", {}, "self-signed certificate"),
        ("bad_certificate", {"kind": "expired"}, "certificate has expired"),
        ("bad_certificate", {"kind": "wrong_name"}, "Hostname mismatch"),
        ("refuse_connection", {}, "SMTPConnectError"),
        ("custom_reply", {"text": "530 Authentication required"}, "530 Authentication required"),
        ("custom_reply", {"text": "553 Not yours", "at": "rcpt"}, "553 Not yours"),
        ("custom_reply", {"text": "552 Too large", "at": "data"}, "552 Too large"),
        ("custom_reply", {"text": "554 Spam", "at": "end"}, "554 Spam"),
        ("sender_not_owned", {"sender": "x@y.example"}, "553 5.7.1 Sender address rejected: not owned by user"),
        ("no_login", {}, "SMTPException"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(map(str, value.values())),
)
async def test_fault_on_and_off(
    send: Send, control: httpx2.AsyncClient, fault: str, parameters: dict[str, Any], expected: str
) -> None:
    """While the fault is on, a mail gets its reply; once it is off, the next mail passes on the same port."""
    answer = await control.put(f"/faults/{fault}", json=parameters)
    assert answer.status_code == 200
    assert expected in await send()
    assert (await control.delete(f"/faults/{fault}")).status_code == 204
    assert (await send()).startswith("250 2.0.0 OK")


@pytest.mark.parametrize(
    ("fault", "parameters", "sender", "expected"),
    [
        pytest.param("null_sender_refused", {}, "", 550, id="null sender"),
        pytest.param("null_sender_refused", {}, "a@b.example", 250, id="a sender"),
        pytest.param("sender_not_owned", {"sender": "me@b.example"}, "ME@b.example", 250, id="own sender"),
        pytest.param("sender_not_owned", {"sender": "me@b.example"}, "", 553, id="null sender is not owned"),
    ],
)
async def test_faults_of_the_sender(  # noqa: PLR0913, PLR0917 - fixtures and parameters
    connect: Connect, control: httpx2.AsyncClient, fault: str, parameters: dict[str, Any], sender: str, expected: int
) -> None:
    """The envelope sender decides."""
    assert (await control.put(f"/faults/{fault}", json=parameters)).status_code == 200
    reply = await (await connect()).execute_command(f"MAIL FROM:<{sender}>".encode())
    assert expected == reply.code


async def test_no_login_is_needed(relay: Relay, client_tls: ssl.SSLContext, control: httpx2.AsyncClient) -> None:
    """With no_login, AUTH is not offered and mail is accepted."""
    await control.put("/faults/no_login")
    client = aiosmtplib.SMTP(
        hostname="localhost", port=relay.submission_port, start_tls=True, tls_context=client_tls, timeout=3
    )
    async with client:
        assert not client.supports_extension("auth")
        errors, _ = await client.sendmail("a@b.example", ["c@d.example"], MAIL)
    assert errors == {}


async def test_login_only(connect: Connect, control: httpx2.AsyncClient) -> None:
    """With login_only, AUTH LOGIN is the only mechanism, and works."""
    await control.put("/faults/login_only")
    client = await connect()
    assert client.esmtp_extensions["auth"] == "LOGIN"


async def test_a_counted_fault_passes_by_itself(send: Send, control: httpx2.AsyncClient) -> None:
    """A fault with a count applies that often, then mail is accepted again."""
    await control.put("/faults/temporary_problem", json={"count": 2})
    assert [(await send())[:3] for _ in range(3)] == ["451", "451", "250"]


async def test_several_faults(send: Send, control: httpx2.AsyncClient) -> None:
    """Several faults apply one after the other, each until its count is used up."""
    await control.put("/faults/wrong_password", json={"count": 1})
    await control.put("/faults/greylist")
    await control.put("/faults/content", json={"count": 1})
    assert [(await send())[:3] for _ in range(4)] == ["535", "451", "552", "250"]


@pytest.mark.parametrize("stage", ["banner", "ehlo", "auth", "mail", "rcpt", "data", "end"])
async def test_slow_waits_at_its_stage(send: Send, control: httpx2.AsyncClient, stage: str) -> None:
    """The reply at the chosen stage is delayed, and is sent."""
    await control.put("/faults/slow", json={"seconds": 0.05, "at": stage, "count": 1})
    started = time.monotonic()
    assert (await send()).startswith("250")
    assert time.monotonic() - started >= 0.05
    assert (await control.get("/faults")).json()["active"] == []


async def test_client_disconnects_during_a_wait(relay: Relay, control: httpx2.AsyncClient, send: Send) -> None:
    """A client that disconnects during a wait ends its session, and other sessions continue."""
    await control.put("/faults/slow", json={"seconds": 600, "at": "banner", "count": 1})
    _, writer = await asyncio.open_connection("127.0.0.1", relay.submission_port)
    writer.close()
    await writer.wait_closed()
    assert (await send()).startswith("250")


async def test_closed_ports_open_after_seconds(
    relay: Relay, control: httpx2.AsyncClient, send: Send, eventually: Eventually
) -> None:
    """With `seconds`, the closed ports open again by themselves."""
    port = relay.submission_port
    await control.put("/faults/refuse_connection", json={"seconds": 0.1})
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await eventually(lambda: relay.listening)
    assert relay.submission_port == port
    assert (await send()).startswith("250")


async def test_closed_ports_stay_closed_while_other_faults_change(relay: Relay, control: httpx2.AsyncClient) -> None:
    """Switching another fault on or off does not open closed ports."""
    await control.put("/faults/refuse_connection")
    await control.put("/faults/content")
    await control.delete("/faults/content")
    assert not relay.listening
    await control.delete("/faults")
    assert relay.listening


async def test_login_fault_ends_idle_sessions(connect: Connect, control: httpx2.AsyncClient) -> None:
    """A client that stays connected and logged in gets the login fault with its next mail."""
    client = await connect()
    await control.put("/faults/wrong_password")
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.sendmail("a@b.example", ["c@d.example"], MAIL)


async def test_login_fault_does_not_interrupt_a_mail(
    connect: Connect, control: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    """A login fault does not interrupt a mail that has begun."""
    client = await connect()
    await client.mail("a@b.example")
    await control.put("/faults/wrong_password")
    await client.rcpt("c@d.example")
    await client.data(MAIL)
    assert len(sandbox.inbox.find()) == 1


async def test_without_starttls_the_command_is_unknown(relay: Relay, control: httpx2.AsyncClient) -> None:
    """STARTTLS is rejected, as well as missing in the reply to EHLO."""
    await control.put("/faults/no_starttls")
    client = aiosmtplib.SMTP(hostname="localhost", port=relay.submission_port, start_tls=False, timeout=3)
    await client.connect()
    await client.ehlo()
    assert not client.supports_extension("starttls")
    assert (await client.execute_command(b"STARTTLS")).code == 502
    client.close()


async def test_bad_certificates_on_the_smtps_port(
    relay: Relay, control: httpx2.AsyncClient, client_tls: ssl.SSLContext
) -> None:
    """The SMTPS port has the same bad certificate."""
    await control.put("/faults/bad_certificate", json={"kind": "expired", "count": 1})
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await asyncio.open_connection("127.0.0.1", relay.smtps_port, ssl=client_tls, server_hostname="localhost")
    _, writer = await asyncio.open_connection(
        "127.0.0.1", relay.smtps_port, ssl=client_tls, server_hostname="localhost"
    )
    writer.close()
    await writer.wait_closed()


async def test_failed_handshake_is_recorded(
    send: Send, control: httpx2.AsyncClient, sandbox: Sandbox, eventually: Eventually
) -> None:
    """A client that rejects the certificate is recorded with the TLS error."""
    await control.put("/faults/bad_certificate")
    await send()
    await eventually(lambda: sandbox.attempts.all()[-1].reply == "(TLS handshake failed)")


async def test_limit_at_mail_from(send: Send, control: httpx2.AsyncClient) -> None:
    """With `at` set to mail, an exhausted limit is answered at MAIL."""
    await control.put("/limit", json={"at": "mail", "used": 5})
    assert (await send()).startswith("550 5.4.5")
    attempts = (await control.get("/attempts")).json()
    assert [one["stage"] for one in attempts if one["reply"].startswith("550")] == ["mail"]


async def test_a_port_in_use_is_named(relay: Relay, sandbox: Sandbox, tls: ServerTls) -> None:
    """The error for a port in use names the variable."""
    second = Relay(sandbox, tls, bind="127.0.0.1", submission_port=relay.submission_port, smtps_port=0)
    with pytest.raises(PortUnavailableError, match=r"SANDBOX_SUBMISSION_PORT: port \d+ cannot be opened"):
        await second.start()
