"""SMTP submission to a real server that fails on purpose: which failures are retried."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING

import pytest

from mail_api import smtp as smtp_module
from mail_api.errors import (
    InternationalAddress,
    MailServerBusy,
    MailServerUnreachable,
    OutcomeUnknown,
    RecipientRefused,
    TemporarilyRefused,
)
from mail_api.smtp import Envelope, Pool, Submitter
from tests.unit.api.fake_postfix import DROP, HANG

if TYPE_CHECKING:
    from tests.unit.api.fake_postfix import FakePostfix

MAIL = Envelope("noreply@x.test", ("a@x.test",), b"Subject: Hi\r\n\r\n.dot\r\n..\r\nend")


class Harness:
    """A submitter with its own pool, which counts retries."""

    def __init__(self, port: int, *, size: int = 2, seconds: float = 2) -> None:
        self.pool = Pool("127.0.0.1", port, size)
        self.retries = 0
        self.tried_again = asyncio.Event()
        self._submitter = Submitter(self.pool, seconds, self._count)

    def _count(self) -> None:
        self.retries += 1
        self.tried_again.set()

    async def submit(self, mail: Envelope = MAIL) -> str | None:
        """Submit a mail and return its queue id."""
        return (await self._submitter.submit(mail)).queue_id


async def test_dialogue(postfix: FakePostfix) -> None:
    """A mail takes four commands with its size, and is delivered unchanged, dots included."""
    harness = Harness(postfix.port)
    assert await harness.submit() == "4jXSsP52xGz0"
    assert postfix.commands == [
        "EHLO mail-api",
        f"MAIL FROM:<noreply@x.test> SIZE={len(MAIL.content)}",
        "RCPT TO:<a@x.test>",
        "DATA",
        "CONTENT",
    ]
    assert postfix.mails[0].content == MAIL.content + b"\r\n"
    await harness.pool.close()


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT"])
@pytest.mark.parametrize("reply", [DROP, "421 4.3.2 shutting down", "nonsense"])
async def test_retried(postfix: FakePostfix, stage: str, reply: str) -> None:
    """A connection that fails before DATA is replaced, and the mail is sent once."""
    postfix.fail(stage, reply)
    harness = Harness(postfix.port)
    assert await harness.submit() == "4jXSsP52xGz0"
    assert (harness.retries, len(postfix.mails)) == (1, 1)
    await harness.pool.close()


@pytest.mark.parametrize("stage", ["DATA", "CONTENT"])
async def test_421_is_retried(postfix: FakePostfix, stage: str) -> None:
    """A 421 means that the mail was not accepted, also after the message, so it is retried."""
    postfix.fail(stage, "421 4.3.0 going down")
    harness = Harness(postfix.port)
    assert await harness.submit() == "4jXSsP52xGz0"
    assert (harness.retries, len(postfix.mails)) == (1, 1)
    await harness.pool.close()


async def test_stale_connections(postfix: FakePostfix) -> None:
    """When Postfix has cut all pooled connections, the next mails use new ones."""
    harness = Harness(postfix.port, size=4)
    await asyncio.gather(*(harness.submit() for _ in range(4)))
    port = postfix.port
    await postfix.stop()
    await postfix.start(port)
    await asyncio.gather(*(harness.submit() for _ in range(4)))
    assert len(postfix.mails) == 8
    await harness.pool.close()


async def test_server_restarts(postfix: FakePostfix) -> None:
    """A mail waits while Postfix restarts, and is sent afterwards."""
    port = postfix.port
    await postfix.stop()
    harness = Harness(port, seconds=5)
    waiting = asyncio.create_task(harness.submit())
    await harness.tried_again.wait()
    await postfix.start(port)
    assert await waiting == "4jXSsP52xGz0"
    await harness.pool.close()


@pytest.mark.slow
async def test_server_stays_down(postfix: FakePostfix) -> None:
    """Retries end at the deadline, and the error has their duration."""
    await postfix.stop()
    harness = Harness(postfix.port, seconds=2)
    with pytest.raises(MailServerUnreachable) as raised:
        await harness.submit()
    assert raised.value.seconds == 2
    assert harness.retries >= 2
    await harness.pool.close()


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT"])
async def test_silence_before_the_message(postfix: FakePostfix, stage: str) -> None:
    """A server that stops answering before the message is unreachable, and nothing was sent."""
    postfix.fail(stage, *[HANG] * 9)
    harness = Harness(postfix.port, seconds=0.2)
    with pytest.raises(MailServerUnreachable):
        await harness.submit()
    assert "CONTENT" not in postfix.commands
    await harness.pool.close()


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        *product(["DATA", "CONTENT"], [DROP, "nonsense", "220 hello"]),
        ("CONTENT", "354 go on"),
    ],
)
async def test_never_retried(postfix: FakePostfix, stage: str, reply: str) -> None:
    """After DATA, a lost connection or an invalid reply is an unknown outcome."""
    postfix.fail(stage, reply)
    harness = Harness(postfix.port)
    with pytest.raises(OutcomeUnknown):
        await harness.submit()
    assert (harness.retries, postfix.commands.count("DATA")) == (0, 1)
    await harness.pool.close()


async def test_cancelled(postfix: FakePostfix) -> None:
    """A cancelled submission closes its connection, and the next one opens a new one."""
    postfix.fail("CONTENT", HANG)
    harness = Harness(postfix.port, size=1)
    submission = asyncio.create_task(harness.submit())
    await postfix.wait_for("CONTENT")
    submission.cancel()
    await asyncio.wait([submission])
    assert (harness.pool.idle, harness.pool.busy) == (0, 0)
    assert await harness.submit() == "4jXSsP52xGz0"
    assert postfix.sessions == 2
    await harness.pool.close()


async def test_silence_after_the_message(postfix: FakePostfix, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing reply to the message is an unknown outcome, too."""
    monkeypatch.setattr(smtp_module, "REPLY_SECONDS", 0.05)
    postfix.fail("CONTENT", HANG)
    harness = Harness(postfix.port)
    with pytest.raises(OutcomeUnknown):
        await harness.submit()
    await harness.pool.close()


async def test_refusals_are_final(postfix: FakePostfix) -> None:
    """A rejection is returned at once, and its session ends with QUIT."""
    postfix.fail("RCPT", "550 5.1.1 unknown", "450 4.2.0 greylisted")
    harness = Harness(postfix.port)
    with pytest.raises(RecipientRefused) as refused:
        await harness.submit()
    assert (refused.value.status, refused.value.reply) == (550, "5.1.1 unknown")
    with pytest.raises(TemporarilyRefused):
        await harness.submit()
    await postfix.wait_for("QUIT")
    assert (harness.retries, postfix.mails) == (0, [])
    await harness.pool.close()


async def test_busy(postfix: FakePostfix) -> None:
    """When every connection is in use until the deadline, an error for a busy server is raised."""
    postfix.fail("CONTENT", HANG)
    harness = Harness(postfix.port, size=1, seconds=20)
    first = asyncio.create_task(harness.submit())
    await postfix.wait_for("CONTENT")
    with pytest.raises(MailServerBusy):
        await Submitter(harness.pool, 0.1, lambda: None).submit(MAIL)
    first.cancel()
    await asyncio.wait([first])
    await harness.pool.close()


async def test_international(postfix: FakePostfix) -> None:
    """SMTPUTF8 is sent only for a mail that needs it."""
    postfix.fail("EHLO", "250-fake\r\n250-8BITMIME\r\n250 SMTPUTF8")
    harness = Harness(postfix.port, size=1)
    await harness.submit()
    await harness.submit(Envelope("noreply@x.test", ("é@x.test",), b"To: \xc3\xa9@x.test\r\n\r\n", international=True))
    assert postfix.commands[1:3] == ["MAIL FROM:<noreply@x.test>", "RCPT TO:<a@x.test>"]
    assert postfix.commands[5:7] == ["MAIL FROM:<noreply@x.test> SMTPUTF8", "RCPT TO:<é@x.test>"]
    await harness.pool.close()


async def test_international_is_not_offered(postfix: FakePostfix) -> None:
    """If the server does not offer SMTPUTF8, a mail that needs it is rejected before any command."""
    harness = Harness(postfix.port)
    with pytest.raises(InternationalAddress):
        await harness.submit(Envelope("noreply@x.test", ("é@x.test",), b"x", international=True))
    assert postfix.commands[1:] in ([], ["QUIT"])
    assert await harness.submit() is not None
    await harness.pool.close()


async def test_one_of_several_is_refused(postfix: FakePostfix) -> None:
    """If one of several recipients is rejected, DATA is not sent, so no recipient gets the mail."""
    postfix.fail("RCPT", "250 2.1.5 Ok", "550 5.1.1 unknown")
    harness = Harness(postfix.port)
    with pytest.raises(RecipientRefused):
        await harness.submit(Envelope("noreply@x.test", ("a@x.test", "b@x.test", "c@x.test"), b"Hi"))
    await postfix.wait_for("QUIT")
    assert [command.split(" ")[0] for command in postfix.commands] == ["EHLO", "MAIL", "RCPT", "RCPT", "QUIT"]
    assert postfix.mails == []
    await harness.pool.close()


async def test_unsafe_address(postfix: FakePostfix) -> None:
    """An address that could inject a command is never sent, although requests cannot contain one."""
    harness = Harness(postfix.port)
    with pytest.raises(ValueError, match="holds a blank or a bracket"):
        await harness.submit(Envelope("noreply@x.test", ("a@x.test> NOTIFY=NEVER",), b"Hi"))
    assert [command.split(" ")[0] for command in postfix.commands] == ["EHLO", "MAIL"]
    await harness.pool.close()
