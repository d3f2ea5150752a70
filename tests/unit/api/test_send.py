"""POST /send: sent mails and answers."""

from __future__ import annotations

import asyncio
import re
import threading
from base64 import b64encode
from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

import pytest

from mail_api import message, send
from mail_api.error_codes import Code
from tests.unit.api.conftest import SHARED
from tests.unit.api.fake_postfix import HANG

if TYPE_CHECKING:
    from email.message import EmailMessage

    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix

JSON = {"Content-Type": "application/json"}
FILE = {"name": "a.bin", "content": b64encode(b"x" * 50_000).decode()}


@SHARED
async def test_accepted(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A valid request is answered 200 after Postfix has accepted the mail."""
    response = await shared_api.send()
    answer = response.json()
    assert (200, True, "accepted") == (response.status_code, answer["success"], answer["code"])
    assert re.fullmatch(r"msg_[0-9a-z]{26}", answer["id"])
    assert ["noreply@mydomain.test"] == [mail.sender for mail in shared_postfix.mails]
    assert [["hello@mydomain.test"]] == [mail.recipients for mail in shared_postfix.mails]


@SHARED
async def test_headers(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """The mail has DEFAULT_FROM, the caller's address as Reply-To, our Message-ID, a date, and its trace context."""
    response = await shared_api.send(from_="visitor@example.com", subject="Grüße, Ünal")
    mail = message_from_bytes(shared_postfix.mails[0].content, policy=SMTP)
    assert "noreply@mydomain.test" == mail["From"]
    assert "visitor@example.com" == mail["Reply-To"]
    assert "hello@mydomain.test" == mail["To"]
    assert "Grüße, Ünal" == mail["Subject"]
    assert f"<{response.json()['id']}.mail-api@mydomain.test>" == mail["Message-ID"]
    assert mail["Date"].datetime.tzinfo is not None
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", shared_postfix.mails[0].trace or "")


@SHARED
async def test_extra_fields(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Unknown fields are ignored, since contact forms send more than they need."""
    assert 200 == (await shared_api.send(phone="123", csrf="x")).status_code
    assert 1 == len(shared_postfix.mails)


async def test_default_to(start_api: StartApi, postfix: FakePostfix) -> None:
    """Without `to` the mail is sent to DEFAULT_TO, which is always allowed."""
    other = await start_api(default_to="me@elsewhere.test", allowed_recipients="mydomain.test")
    assert 200 == (await other.send(to=...)).status_code
    assert ["me@elsewhere.test"] == postfix.mails[0].recipients


@SHARED
async def test_several_recipients(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """One mail is sent to all recipients, each once, including blind copies."""
    response = await shared_api.send(
        to=["Anna <a@mydomain.test>", "b@mydomain.test"], cc="b@mydomain.test", bcc=["c@mydomain.test"]
    )
    assert 200 == response.status_code
    assert [["a@mydomain.test", "b@mydomain.test", "c@mydomain.test"]] == [
        mail.recipients for mail in shared_postfix.mails
    ]
    assert b"c@mydomain.test" not in shared_postfix.mails[0].content


async def test_all_recipients_or_none(api: Api, postfix: FakePostfix) -> None:
    """When Postfix rejects one recipient, no recipient gets the mail, and it is safe to retry."""
    postfix.fail("RCPT", "250 2.1.5 Ok", "550 5.1.1 <b@mydomain.test>: unknown")
    response = await api.send(to=["a@mydomain.test", "b@mydomain.test"])
    assert (400, "recipient_refused") == (response.status_code, response.json()["code"])
    assert "b***@mydomain.test" in response.json()["message"]
    assert [] == postfix.mails


@SHARED
async def test_everything(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Text, HTML, headers and files are in one mail; tags are in the log, without addresses."""
    response = await shared_api.send(
        body=...,
        text="plain",
        html="<p>markup</p>",
        headers_={"X-Form": "contact"},
        attachments=[{"name": "a.txt", "content": "YQ=="}],
        metadata={"form": "contact", "visitor": "anna@example.org"},
    )
    assert 200 == response.status_code
    content = shared_postfix.mails[0].content
    for expected in (b"plain", b"<p>markup</p>", b"X-Form: contact", b'filename="a.txt"', b"YQ=="):
        assert expected in content
    assert b"visitor" not in content
    assert {"form": "contact", "visitor": "a***@example.org"} == shared_api.log("mail accepted")[0]["mail.metadata"]


@SHARED
async def test_international_address(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """An address that the mail server does not support is reported as such; other mails are sent."""
    response = await shared_api.send(from_="é@example.org")
    assert (400, "international_address") == (response.status_code, response.json()["code"])
    assert 200 == (await shared_api.send(to="hello@mydomain.test", from_="a@münchen.example")).status_code
    assert b"Reply-To: a@xn--mnchen-3ya.example" in shared_postfix.mails[0].content


async def test_attachments_are_limited(start_api: StartApi) -> None:
    """Attachments are limited in number and total size, and the error names the variable."""
    api = await start_api(max_attachments=2, max_attachment_bytes=3)
    file = {"name": "a", "content": "YWE="}
    assert 200 == (await api.send(attachments=[file])).status_code
    response = await api.send(attachments=[file, file])
    assert (413, "request_too_large") == (response.status_code, response.json()["code"])
    assert "MAX_ATTACHMENT_BYTES" in response.json()["message"]
    assert "MAX_ATTACHMENTS" in (await api.send(attachments=[file] * 3)).json()["message"]


@SHARED
@pytest.mark.parametrize("path", ["/send", "/health", "/ready"])
async def test_options(shared_api: Api, path: str) -> None:
    """OPTIONS returns the methods of a path."""
    response = await shared_api.client.options(path)
    assert (204, b"") == (response.status_code, response.content)
    assert ("POST" if path == "/send" else "GET") in response.headers["Allow"]
    assert "OPTIONS" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("stage", "reply", "expected"),
    [
        pytest.param("MAIL", "550 5.1.8 no such sender", (503, Code.SENDER_REFUSED), id="sender"),
        pytest.param("MAIL", "552 5.3.4 Message size exceeds fixed limit", (400, Code.MESSAGE_REFUSED), id="size"),
        pytest.param("MAIL", "452 4.3.1 Insufficient system storage", (503, Code.TEMPORARILY_REFUSED), id="disk full"),
        pytest.param("RCPT", "550 5.1.1 <hello@mydomain.test>: unknown", (400, Code.RECIPIENT_REFUSED), id="recipient"),
        pytest.param("RCPT", "451 4.3.0 lookup failure", (503, Code.TEMPORARILY_REFUSED), id="lookup failure"),
        pytest.param("DATA", "554 5.5.1 no valid recipients", (400, Code.MESSAGE_REFUSED), id="DATA"),
        pytest.param("CONTENT", "550 5.7.1 rejected by filter", (400, Code.MESSAGE_REFUSED), id="content"),
        pytest.param("CONTENT", "451 4.3.0 queue file write error", (503, Code.TEMPORARILY_REFUSED), id="queue"),
    ],
)
async def test_refusals(api: Api, postfix: FakePostfix, stage: str, reply: str, expected: tuple[int, Code]) -> None:
    """A rejection by Postfix is returned without a retry, with its reply and without addresses."""
    status, code = expected
    postfix.fail(stage, reply)
    response = await api.send()
    assert (status, False, code) == (response.status_code, response.json()["success"], response.json()["code"])
    assert reply[4:9] in response.json()["message"]
    assert "hello@" not in response.json()["message"]
    assert (code == Code.TEMPORARILY_REFUSED) == ("retry-after" in response.headers)
    assert 1 == api.metric("mail_api_messages_total", result=code)
    assert 1 == postfix.sessions


async def test_unreachable(api: Api, postfix: FakePostfix) -> None:
    """Without a mail server the answer is 503 with Retry-After, and says that nothing was sent."""
    await postfix.stop()
    response = await api.send()
    assert 503 == response.status_code
    assert response.headers["Retry-After"].isdecimal()
    assert "nothing was sent" in response.json()["message"]


async def test_unknown_outcome(api: Api, postfix: FakePostfix) -> None:
    """A connection lost after the message is answered outcome_unknown with the message id."""
    postfix.fail("CONTENT", "drop")
    response = await api.send()
    answer = response.json()
    assert (202, None) == (response.status_code, response.headers.get("Retry-After"))
    assert (False, "outcome_unknown") == (answer["success"], answer["code"])
    assert "may have accepted" in answer["message"]
    assert answer["status_url"] == f"/messages/{answer['id']}"
    assert 200 == (await api.client.get(answer["status_url"])).status_code
    assert 1 == postfix.commands.count("CONTENT")


async def test_defect(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is answered 500 as JSON with CORS headers, and logged without addresses."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("about anna@example.org")

    monkeypatch.setattr("mail_api.send.compose", broken)
    response = await api.send({"Origin": "https://mydomain.test"})
    assert (500, False) == (response.status_code, response.json()["success"])
    assert "https://mydomain.test" == response.headers["Access-Control-Allow-Origin"]
    assert [("unexpected: about a***@example.org", "RuntimeError")] == [
        (line["message"], line["error.type"]) for line in api.log("unexpected: about a***@example.org")
    ]


async def test_at_the_same_time(start_api: StartApi, postfix: FakePostfix) -> None:
    """Concurrent requests share the pool, and each mail is delivered once."""
    api = await start_api(smtp_pool_size=4, smtp_retry_seconds=10)
    answers = await asyncio.gather(*(api.send(subject=f"Mail {number}") for number in range(60)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == len(postfix.mails) == 60
    assert postfix.sessions <= 4


async def test_interrupted(api: Api, postfix: FakePostfix) -> None:
    """A cancelled request is counted and logged as interrupted, and its connection is not reused."""
    postfix.fail("CONTENT", HANG)
    request = asyncio.create_task(api.send())
    await postfix.wait_for("CONTENT")
    request.cancel()
    await asyncio.wait([request])
    assert api.metric("mail_api_messages_total", result=Code.INTERRUPTED) == 1
    assert [line["mail.result"] for line in api.log("mail not accepted")] == [Code.INTERRUPTED]
    assert (await api.send()).status_code == 200
    assert postfix.sessions == 2


@SHARED
@pytest.mark.parametrize("fields", [{"html": "<p>x" * 10_000}, {"attachments": [FILE]}], ids=["HTML", "file"])
async def test_large_mails_are_built_in_a_thread(
    shared_api: Api, shared_postfix: FakePostfix, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    """A large mail, which can take a second to build, is built in a thread; a small one in the event loop."""
    threads: list[threading.Thread] = []

    def recording(*made_of: Any, **more: Any) -> EmailMessage:  # noqa: ANN401 - as it comes
        threads.append(threading.current_thread())
        return message.compose(*made_of, **more)

    monkeypatch.setattr(send, "compose", recording)
    assert [(await shared_api.send(**some)).status_code for some in (fields, {})] == [200, 200]
    assert ([thread is threading.main_thread() for thread in threads], len(shared_postfix.mails)) == ([False, True], 2)
