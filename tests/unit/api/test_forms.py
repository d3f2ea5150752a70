"""HTML forms: without a script, with files, and the pages that answer them."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from mail_api.errors import InvalidRequest
from mail_api.form_data import parse_urlencoded
from tests.unit.api.conftest import SHARED
from tests.unit.api.fake_postfix import DROP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage

    import httpx2

    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

MAIL = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Origin": "https://mydomain.test"}
THANKS = "https://www.mydomain.test/thanks?a=b"


async def post(api: Api, fields: Mapping[str, object], headers: dict[str, str] | None = None) -> httpx2.Response:
    """Post an URL-encoded form, in which a list is a repeated field."""
    content = urlencode({**MAIL, **fields}, doseq=True)
    media_type = {"Content-Type": "application/x-www-form-urlencoded"}
    return await api.client.post("/send", content=content, headers=media_type | (headers or {}))


def received(postfix: FakePostfix) -> EmailMessage:
    """Return the one mail that arrived."""
    (mail,) = postfix.mails
    return message_from_bytes(mail.content, policy=SMTP)


@SHARED
async def test_urlencoded(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Form fields have the same meaning as in JSON, also repeated recipients, tags and the HTML flag."""
    fields = {
        "to": ["a@mydomain.test", "", "b@mydomain.test"],
        "from": "v@x.test",
        "from_name": "Lee, Anna",
        "html": "on",
        "body": "<p>Grüße</p>",
        "metadata.form": "contact",
        "phone": ["1", "2"],
    }
    response = await post(shared_api, fields)
    assert (response.status_code, response.json()["code"]) == (200, "accepted")
    assert shared_postfix.mails[0].recipients == ["a@mydomain.test", "b@mydomain.test"]
    assert received(shared_postfix)["Reply-To"] == '"Lee, Anna" <v@x.test>'
    assert received(shared_postfix).get_content_type() == "multipart/alternative"
    assert shared_api.log("mail accepted")[0]["mail.metadata"] == {"form": "contact"}


@SHARED
async def test_multipart(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Every file is attached, whatever its field's name; an empty file field is ignored."""
    files = [
        ("photo", ("Grüße.png", b"\x89PNG\r\n", "image/png")),
        ("anything", ("a.eml", b"Subject: x\r\n\r\n", "message/rfc822")),
        ("empty", ("", b"", "application/octet-stream")),
    ]
    response = await shared_api.client.post("/send", data=MAIL, files=files)
    assert response.status_code == 200, response.text
    parts = list(received(shared_postfix).iter_attachments())
    assert [(part.get_filename(), part.get_content_type(), part.get_content()) for part in parts] == [
        ("Grüße.png", "image/png", b"\x89PNG\r\n"),
        ("a.eml", "application/octet-stream", b"Subject: x\r\n\r\n"),
    ]


@SHARED
@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param(BROWSER["Accept"], (200, "text/html; charset=utf-8"), id="browser"),
        pytest.param("*/*", (200, "application/json"), id="curl"),
        pytest.param("application/json", (200, "application/json"), id="script"),
    ],
)
async def test_success(shared_api: Api, accept: str, expected: tuple[int, str]) -> None:
    """A browser gets a page, a program JSON."""
    response = await post(shared_api, {}, {"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == expected


@SHARED
@pytest.mark.parametrize(
    ("accept", "status"),
    [(BROWSER["Accept"], 303), ("*/*", 303), ("application/json", 200)],
    ids=["browser", "curl", "script"],
)
async def test_redirect(shared_api: Api, shared_postfix: FakePostfix, accept: str, status: int) -> None:
    """After a success a browser is redirected to the form's page; a script that accepts JSON is not."""
    response = await post(shared_api, {"redirect": THANKS}, {"Accept": accept})
    assert (response.status_code, len(shared_postfix.mails)) == (status, 1)
    assert response.headers.get("Location") == (THANKS if status == 303 else None)


@SHARED
@pytest.mark.parametrize("page", ["https://evil.test/", "//mydomain.test", "javascript:alert(1)", "/thanks"])
async def test_foreign_redirect(shared_api: Api, shared_postfix: FakePostfix, page: str) -> None:
    """A redirect to a foreign page is rejected, and no mail is sent."""
    response = await post(shared_api, {"redirect": page})
    assert (response.status_code, response.json()["code"], shared_postfix.mails) == (403, "redirect_not_allowed", [])
    assert "redirect" in response.json()["errors"]


@SHARED
async def test_json_has_no_redirect(shared_api: Api) -> None:
    """In JSON, `redirect` is an unknown field and ignored."""
    assert (await shared_api.send(redirect="https://evil.test/")).status_code == 200


@SHARED
async def test_refusal_page(shared_api: Api) -> None:
    """Errors are listed by field in a page, and all values in it are escaped."""
    response = await post(shared_api, {"subject": "", "metadata.<b>": "x"}, BROWSER)
    assert (response.status_code, response.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "<li>subject: must not be empty</li>" in response.text
    assert "&lt;b&gt;" in response.text
    assert "<b>" not in response.text
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert 'role="alert"' in response.text


async def test_unreachable_page(api: Api, postfix: FakePostfix) -> None:
    """Other errors are a page with their message, and have Retry-After."""
    await postfix.stop()
    response = await post(api, {}, BROWSER)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert "nothing was sent" in response.text


async def test_unknown_outcome_page(api: Api, postfix: FakePostfix) -> None:
    """With an unknown outcome, the page neither reports a failure nor asks to send again."""
    postfix.fail("CONTENT", DROP)
    response = await post(api, {}, BROWSER)
    assert (response.status_code, "may have accepted it" in response.text) == (202, True)
    assert [words for words in ("not sent", "Go back") if words in response.text] == []


@SHARED
async def test_repeated_field(shared_api: Api) -> None:
    """A single-valued field that is repeated is rejected."""
    response = await post(shared_api, {"subject": ["a", "b"]})
    assert response.json()["errors"] == {"subject": "must be a string"}


@SHARED
@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        pytest.param("multipart/form-data", b"x", id="no boundary"),
        pytest.param("multipart/form-data; boundary=", b"x", id="empty boundary"),
        pytest.param("multipart/form-data; boundary=a", b"x", id="no parts"),
        pytest.param("multipart/form-data; boundary=a", b'--a\r\nContent-Disposition: form-data; name="x', id="cut"),
        pytest.param("multipart/form-data; boundary=a", b"--a\r\nX: y\r\n\r\nz\r\n--a--", id="no name"),
        pytest.param("multipart/form-data; boundary=a; charset=nope", b'--a\r\nContent-Disposition: form-data; name="x"'
                     b"\r\n\r\n\xff\r\n--a--", id="unknown charset"),
        pytest.param("multipart/form-data; boundary=\xe4", b"--\xe4--", id="odd boundary"),
        pytest.param("application/x-www-form-urlencoded", b"\xff", id="not UTF-8"),
        pytest.param("application/x-www-form-urlencoded", b"a=%ff", id="escaped, not UTF-8"),
        pytest.param("application/x-www-form-urlencoded", b"a&" * 300, id="too many fields"),
        pytest.param("application/x-www-form-urlencoded", b"", id="empty"),
    ],
)  # fmt: skip
async def test_broken_forms(shared_api: Api, shared_postfix: FakePostfix, content_type: str, content: bytes) -> None:
    """A malformed form is answered 400."""
    headers = {b"Content-Type": content_type.encode("latin-1")}
    response = await shared_api.client.post("/send", content=content, headers=headers)
    assert (response.status_code, response.json()["code"], shared_postfix.mails) == (400, "invalid_request", [])


def test_html_in_a_form() -> None:
    """The field `html` is a flag, as check boxes send it, or markup."""
    assert parse_urlencoded(b"html=on")["html"] is True
    assert parse_urlencoded(b"html=")["html"] is False
    assert parse_urlencoded(b"html=%3Cp%3E")["html"] == "<p>"


def test_fields_are_counted() -> None:
    """A form with too many fields is rejected before it is parsed."""
    with pytest.raises(InvalidRequest):
        parse_urlencoded(b"a=1&" * 201)


@SHARED
async def test_bot_is_redirected(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A bot that fills the honeypot gets the redirect of a success."""
    response = await post(shared_api, {"redirect": THANKS, "hp_url": "x"}, {"Accept": "text/html"})
    assert (response.status_code, response.headers["Location"], shared_postfix.mails) == (303, THANKS, [])
