"""SMTP sessions with the sandbox relay without faults, over real connections."""

import asyncio
import smtplib
import ssl
from collections.abc import Awaitable, Callable

import aiosmtplib
import pytest

from mail_sandbox.relay import Relay
from mail_sandbox.state import Sandbox

Connect = Callable[[], Awaitable[aiosmtplib.SMTP]]

MAIL = b"From: sandbox@gmail.example\r\nSubject: Hi\r\nMessage-ID: <1@x.example>\r\n\r\nHello\r\n"


async def converse(port: int, *commands: bytes) -> list[str]:
    """Send raw commands without TLS; return the last line of the banner and of each reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers: list[str] = []
    for command in (None, *commands):
        if command is not None:
            writer.write(command + b"\r\n")
        while (line := (await asyncio.wait_for(reader.readline(), 3)).decode())[3:4] == "-":
            pass
        answers.append(line.rstrip())
    writer.close()
    await writer.wait_closed()
    return answers


async def encrypted(relay: Relay, tls: ssl.SSLContext) -> aiosmtplib.SMTP:
    """Return a client that has started TLS and sent EHLO, and is not logged in."""
    client = aiosmtplib.SMTP(
        hostname="localhost", port=relay.submission_port, start_tls=True, tls_context=tls, timeout=3
    )
    await client.connect()
    await client.ehlo()
    return client


async def test_mail_is_accepted(connect: Connect, sandbox: Sandbox) -> None:
    """After TLS and login a mail is accepted with Gmail's 250 reply and stored in the inbox."""
    client = await connect()
    errors, answer = await client.sendmail("joe@x.example", ["a@b.example", "c@d.example"], MAIL)
    assert errors == {}
    assert answer.startswith("2.0.0 OK  1763800000 ")
    assert answer.endswith(" - gsmtp")
    (mail,) = sandbox.inbox.find()
    assert (mail.sender, mail.recipients) == ("joe@x.example", ("a@b.example", "c@d.example"))
    assert (mail.received, mail.account, mail.tls_version) == (MAIL, "sandbox@gmail.example", "TLSv1.3")
    assert sandbox.limit.used == 2


async def test_the_banner_is_gmails(relay: Relay) -> None:
    """The banner has host name, session id and gsmtp."""
    (banner,) = await converse(relay.submission_port)
    assert banner.startswith("220 smtp.gmail.com ESMTP ")
    assert banner.endswith(" - gsmtp")


async def test_extensions_before_and_after_tls(relay: Relay, client_tls: ssl.SSLContext) -> None:
    """STARTTLS is offered before TLS, AUTH only after it."""
    client = aiosmtplib.SMTP(
        hostname="localhost", port=relay.submission_port, start_tls=False, tls_context=client_tls, timeout=3
    )
    await client.connect()
    await client.ehlo()
    before = dict(client.esmtp_extensions)
    await client.starttls()
    await client.ehlo()
    after = dict(client.esmtp_extensions)
    client.close()
    assert set(before) == {"size", "8bitmime", "starttls", "enhancedstatuscodes", "pipelining", "smtputf8"}
    assert set(after) == set(before) - {"starttls"} | {"auth"}
    assert after["size"] == "35882577"


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([b"MAIL FROM:<a@b.example>"], "503 5.5.1 EHLO/HELO first."),
        ([b"EHLO x", b"MAIL FROM:<a@b.example>"], "530 5.7.0 Must issue a STARTTLS command first."),
        ([b"EHLO x", b"AUTH PLAIN AGEAYg=="], "530 5.7.0 Must issue a STARTTLS command first."),
        ([b"EHLO x", b"VRFY a"], "530 5.7.0 Must issue a STARTTLS command first."),
        ([b"EHLO x", b"BOGUS"], "502 5.5.1 Unrecognized command."),
        ([b"EHLO x", b"NOOP"], "250 2.0.0 OK"),
        ([b"EHLO x", b"RSET"], "250 2.1.5 Flushed"),
        ([b"EHLO"], "555 5.5.2 Syntax error."),
        ([b"HELO x"], "250 smtp.gmail.com at your service"),
        ([b"EHLO " + b"x" * 990], "500 5.5.2 Line too long."),
        ([b"EHLO x", b"QUIT"], "221 2.0.0 closing connection"),
    ],
    ids=["no ehlo", "no tls", "login", "vrfy", "bogus", "noop", "rset", "syntax", "helo", "long", "quit"],
)
async def test_commands_without_tls(relay: Relay, commands: list[bytes], expected: str) -> None:
    """Without TLS other commands are rejected, and protocol errors have Gmail's replies."""
    answers = await converse(relay.submission_port, *commands)
    assert answers[-1].startswith(expected)


@pytest.mark.parametrize("verb", ["MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>", "DATA"])
async def test_a_login_is_required(relay: Relay, client_tls: ssl.SSLContext, verb: str) -> None:
    """In TLS but without a login no mail is accepted."""
    client = await encrypted(relay, client_tls)
    answer = await client.execute_command(verb.encode())
    client.close()
    assert answer.code == 530
    assert "Authentication Required" in answer.message


@pytest.mark.parametrize("password", ["sandboxapppasswd", "sand boxa pppa sswd"], ids=["plain", "in blocks"])
@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
async def test_logins(relay: Relay, client_tls: ssl.SSLContext, method: str, password: str) -> None:
    """AUTH PLAIN and LOGIN accept the app password with and without the blanks that Google shows."""
    client = await encrypted(relay, client_tls)
    answer = await getattr(client, method)("Sandbox@gmail.example", password)
    client.close()
    assert (answer.code, answer.message[:14]) == (235, "2.7.0 Accepted")


@pytest.mark.parametrize(
    ("username", "password"),
    [("sandbox@gmail.example", "wrong"), ("other@gmail.example", "sandboxapppasswd"), ("", "")],
    ids=["password", "user", "empty"],
)
async def test_wrong_credentials(relay: Relay, client_tls: ssl.SSLContext, username: str, password: str) -> None:
    """Wrong credentials are answered 535 with Gmail's link, and the session continues."""
    client = await encrypted(relay, client_tls)
    with pytest.raises(aiosmtplib.SMTPAuthenticationError, match=r"p=BadCredentials") as caught:
        await client.auth_plain(username, password)
    assert caught.value.code == 535
    assert (await client.noop()).code == 250
    client.close()


async def test_implicit_tls(relay: Relay, client_tls: ssl.SSLContext, sandbox: Sandbox) -> None:
    """The SMTPS port starts with TLS, and a client of the standard library can use it."""

    def send() -> None:
        with smtplib.SMTP_SSL("localhost", relay.smtps_port, context=client_tls, timeout=3) as client:
            client.login("sandbox@gmail.example", "sandboxapppasswd")
            client.sendmail("", ["a@b.example"], MAIL)

    await asyncio.to_thread(send)
    (mail,) = sandbox.inbox.find()
    assert (mail.sender, mail.tls_version) == ("", "TLSv1.3")


async def test_pipelined_commands_are_answered_in_order(
    relay: Relay, client_tls: ssl.SSLContext, sandbox: Sandbox
) -> None:
    """Pipelined commands are answered in order, also a MAIL command that follows the end of a mail."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", relay.smtps_port, ssl=client_tls, server_hostname="localhost"
    )

    async def codes(count: int) -> list[str]:
        answers: list[str] = []
        while len(answers) < count:
            line = await asyncio.wait_for(reader.readline(), 3)
            answers += [line[:3].decode()] if line[3:4] == b" " else []
        return answers

    writer.write(b"EHLO x\r\nAUTH PLAIN AHNhbmRib3hAZ21haWwuZXhhbXBsZQBzYW5kYm94YXBwcGFzc3dk\r\n")
    assert await codes(3) == ["220", "250", "235"]
    writer.write(
        b"MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<e@f.example>\r\nDATA\r\n"
    )
    assert await codes(4) == ["250", "250", "250", "354"]
    writer.write(MAIL + b".\r\nMAIL FROM:<g@h.example>\r\nRSET\r\nQUIT\r\n")
    assert await codes(4) == ["250", "250", "250", "221"]
    writer.close()
    assert sandbox.inbox.find()[0].recipients == ("c@d.example", "e@f.example")


async def test_mail_with_international_addresses(connect: Connect, sandbox: Sandbox) -> None:
    """A mail with SMTPUTF8 addresses and 8-bit content is delivered unchanged."""
    client = await connect()
    content = "Subject: Grüße\r\n\r\nöäü\r\n".encode()
    await client.mail("jö@x.example", options=["SMTPUTF8", "BODY=8BITMIME"], encoding="utf-8")
    await client.rcpt("ü@b.example", encoding="utf-8")
    await client.data(content)
    (mail,) = sandbox.inbox.find()
    assert (mail.sender, mail.recipients, mail.received) == ("jö@x.example", ("ü@b.example",), content)


async def test_at_most_100_recipients(connect: Connect) -> None:
    """The 101st recipient is deferred, and the mail is delivered to the other 100."""
    client = await connect()
    await client.mail("a@b.example")
    for number in range(100):
        await client.rcpt(f"r{number}@b.example")
    with pytest.raises(aiosmtplib.SMTPRecipientRefused, match=r"4\.5\.3 Your message has too many recipients"):
        await client.rcpt("one-more@b.example")


async def test_declared_size_above_the_limit(connect: Connect) -> None:
    """A SIZE above the limit is rejected at MAIL FROM."""
    client = await connect()
    with pytest.raises(aiosmtplib.SMTPSenderRefused, match=r"5\.3\.4 Your message exceeded Google's"):
        await client.mail("a@b.example", options=["SIZE=35882578"])


async def test_sending_limit_after_the_data(connect: Connect, sandbox: Sandbox, now: list[float]) -> None:
    """A mail above the sending limit is rejected after its data, until the window has moved on."""
    client = await connect()
    await client.sendmail("a@b.example", ["1@x.example", "2@x.example", "3@x.example"], MAIL)
    with pytest.raises(aiosmtplib.SMTPDataError, match=r"5\.4\.5 Daily user sending limit exceeded") as caught:
        await client.sendmail("a@b.example", ["4@x.example", "5@x.example", "6@x.example"], MAIL)
    assert caught.value.code == 550
    assert (len(sandbox.inbox.find()), sandbox.limit.used) == (1, 3)
    now[0] += 100
    await client.sendmail("a@b.example", ["4@x.example"], MAIL)


async def test_replies_are_recorded(connect: Connect, sandbox: Sandbox) -> None:
    """Each reply is recorded with its stage, and a multi-line reply as one."""
    client = await connect()
    await client.sendmail("a@b.example", ["c@d.example"], MAIL)
    await client.quit()
    attempts = sandbox.attempts.all()
    assert [(attempt.stage, attempt.reply[:3]) for attempt in attempts] == [
        ("banner", "220"),
        ("ehlo", "250"),
        ("starttls", "220"),
        ("ehlo", "250"),
        ("auth", "235"),
        ("mail", "250"),
        ("rcpt", "250"),
        ("data", "354"),
        ("end", "250"),
        ("other", "221"),
    ]
    assert attempts[1].reply.endswith("\n250 SMTPUTF8")
    assert len({attempt.session for attempt in attempts}) == 1
    assert "sandboxapppasswd" not in str(attempts)
