"""POST /send as its callers know it: what is sent, what is answered."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

import pytest

from mail_api.errors import Code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import Api, FakePostfix, StartApi

JSON = {"Content-Type": "application/json"}


async def test_accepted(api: Api, postfix: FakePostfix) -> None:
    """A good request is answered 200 in the seed's shape, and the mail is with Postfix by then."""
    response = await api.send()
    answer = response.json()
    assert (200, True) == (response.status_code, answer["success"])
    assert re.fullmatch(r"msg_[0-9a-z]{26}", answer["id"])
    assert ["noreply@mydomain.test"] == [mail.sender for mail in postfix.mails]
    assert [["hello@mydomain.test"]] == [mail.recipients for mail in postfix.mails]


async def test_headers(api: Api, postfix: FakePostfix) -> None:
    """The mail carries DEFAULT_FROM, the caller's address as Reply-To, our Message-ID, a date and the trace."""
    response = await api.send(from_="visitor@example.com", subject="Grüße, Ünal")
    mail = message_from_bytes(postfix.mails[0].content, policy=SMTP)
    assert "noreply@mydomain.test" == mail["From"]
    assert "visitor@example.com" == mail["Reply-To"]
    assert "hello@mydomain.test" == mail["To"]
    assert "Grüße, Ünal" == mail["Subject"]
    assert f"<{response.json()['id']}.mail-api@mydomain.test>" == mail["Message-ID"]
    assert mail["Date"].datetime.tzinfo is not None
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", mail["Traceparent"])


async def test_extra_fields(api: Api, postfix: FakePostfix) -> None:
    """Fields that nobody knows are ignored: contact forms send more than they need."""
    assert 200 == (await api.send(phone="123", csrf="x")).status_code
    assert 1 == len(postfix.mails)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"to": ...}, "to: is required", id="no to and no DEFAULT_TO"),
        pytest.param({"subject": ...}, "subject: is required", id="no subject"),
        pytest.param({"body": ...}, "body: is required", id="no body"),
        pytest.param({"subject": " "}, "subject: must not be empty", id="blank subject"),
        pytest.param({"body": ""}, "body: must not be empty", id="empty body"),
        pytest.param({"subject": 1}, "subject: must be a string", id="subject of the wrong type"),
        pytest.param({"to": ["a@mydomain.test"]}, "to: must be a string", id="to as a list"),
        pytest.param({"html": "yes"}, "html: must be true or false", id="html of the wrong type"),
        pytest.param({"bcc": "a@mydomain.test"}, "bcc: is not supported", id="a field we would have to drop"),
        pytest.param({"body": "a\0b"}, "body: must not hold NUL characters", id="NUL in the body"),
        pytest.param({"subject": 1, "body": 2}, "subject: must be a string; body: must be a string", id="two fields"),
    ],
)
async def test_bad_fields(api: Api, postfix: FakePostfix, fields: dict[str, Any], message: str) -> None:
    """A field that can't be used is named in a 400, and nothing is sent."""
    response = await api.send(**fields)
    assert (400, {"success": False, "message": message}) == (response.status_code, response.json())
    assert [] == postfix.commands


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"to": \xff}', b"[" * 100_000, b"1" * 5_000, b"[]", b"null"],
    ids=["empty", "cut off", "not UTF-8", "nested deeply", "huge number", "an array", "null"],
)
async def test_bad_json(api: Api, content: bytes) -> None:
    """Whatever is not a JSON object is a 400 about the request."""
    response = await api.client.post("/send", content=content, headers=JSON)
    assert 400 == response.status_code
    assert response.json()["message"].startswith("request: ")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""], ids=lambda kind: kind
)
async def test_media_type(api: Api, media_type: str) -> None:
    """A body that is not declared as JSON is a 415 that says what to send."""
    response = await api.client.post("/send", content=b"{}", headers={"Content-Type": media_type})
    assert 415 == response.status_code
    assert "Content-Type: application/json" in response.json()["message"]


async def test_media_type_parameters(api: Api) -> None:
    """The charset beside the media type does not matter."""
    assert 200 == (await api.send({"Content-Type": "Application/JSON; charset=utf-8"})).status_code


async def test_too_large_by_header(api: Api) -> None:
    """A Content-Length over the limit is a 413 before the body is read."""
    response = await api.client.post("/send", content=b"x" * 1_000_001, headers=JSON)
    assert (413, False) == (response.status_code, response.json()["success"])


async def test_too_large_streamed(api: Api) -> None:
    """A body without a length is cut off at the limit, whatever would still come."""
    produced = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal produced
        while produced < 1_000:
            produced += 1
            yield b"x" * 100_000

    response = await api.client.post("/send", content=endless(), headers=JSON)
    assert 413 == response.status_code
    assert "MAX_REQUEST_BYTES" in response.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/send", 405),
        ("PURGE", "/send", 405),
        ("POST", "/health", 405),
        ("GET", "/", 404),
        ("POST", "/send/", 404),
    ],
    ids=["GET /send", "odd method", "POST /health", "unknown path", "closing slash"],
)
async def test_router_refusals(api: Api, method: str, path: str, status: int) -> None:
    """Unknown paths and methods are refused in the seed's shape too."""
    response = await api.client.request(method, path)
    assert (status, False) == (response.status_code, response.json()["success"])
    assert (status == 405) == ("allow" in response.headers)


async def test_default_to(start_api: StartApi, postfix: FakePostfix) -> None:
    """Without `to`, the mail goes to DEFAULT_TO, which is allowed whatever ALLOWED_RECIPIENTS says."""
    other = await start_api(default_to="me@elsewhere.test", allowed_recipients="mydomain.test")
    assert 200 == (await other.send(to=...)).status_code
    assert ["me@elsewhere.test"] == postfix.mails[0].recipients


async def test_recipient_not_allowed(api: Api, postfix: FakePostfix) -> None:
    """A stranger as recipient is a 403 that names the variable, and nothing is sent."""
    response = await api.send(to="stranger@example.com")
    assert 403 == response.status_code
    assert "ALLOWED_RECIPIENTS" in response.json()["message"]
    assert [] == postfix.commands


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
        pytest.param("CONTENT", "421 4.3.0 going down", (503, Code.TEMPORARILY_REFUSED), id="421 for the message"),
    ],
)
async def test_refusals(api: Api, postfix: FakePostfix, stage: str, reply: str, expected: tuple[int, Code]) -> None:
    """Postfix's refusals are passed on once, with its words and without addresses."""
    status, code = expected
    postfix.fail(stage, reply)
    response = await api.send()
    assert (status, False) == (response.status_code, response.json()["success"])
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
    """A connection lost after the message says that it may have been accepted, with the id to look for."""
    postfix.fail("CONTENT", "drop")
    response = await api.send()
    assert (503, None) == (response.status_code, response.headers.get("Retry-After"))
    assert "may have accepted" in response.json()["message"]
    assert response.json()["id"].startswith("msg_")
    assert 1 == postfix.commands.count("CONTENT")


async def test_defect(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody expected is a 500 in the seed's shape, with CORS headers, logged without addresses."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("about anna@example.org")

    monkeypatch.setattr("mail_api.outbox.compose", broken)
    response = await api.send({"Origin": "https://mydomain.test"})
    assert (500, False) == (response.status_code, response.json()["success"])
    assert "https://mydomain.test" == response.headers["Access-Control-Allow-Origin"]
    assert [("unexpected: about a***@example.org", "RuntimeError")] == [
        (line["message"], line["error.type"]) for line in api.log("unexpected: about a***@example.org")
    ]
