"""Invalid requests: status, code and field of the error, and no mail."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from mail_api.header_fields import NAME_PROBLEM
from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

JSON = {"Content-Type": "application/json"}
FILE = {"name": "a.txt", "content": "YQ=="}
ONE_LINE = "must be one line without control characters"


@SHARED
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"to": ...}, "to: is required", id="no to and no DEFAULT_TO"),
        pytest.param({"subject": ...}, "subject: is required", id="no subject"),
        pytest.param({"body": ...}, "body: is required", id="no body"),
        pytest.param({"subject": " "}, "subject: must not be empty", id="blank subject"),
        pytest.param({"body": " "}, "body: must not be empty", id="blank body"),
        pytest.param({"body": ""}, "body: is required", id="empty body"),
        pytest.param({"body": "a\ud800"}, "body: holds text that is not valid Unicode", id="lone surrogate"),
        pytest.param(
            {"html": "<p>\ud800", "text": "\ud800"},
            "text: holds text that is not valid Unicode; html: holds text that is not valid Unicode",
            id="lone surrogates in text and HTML",
        ),
        pytest.param({"subject": 1}, "subject: must be a string", id="subject of the wrong type"),
        pytest.param({"to": 1}, "to: must be a string, or an object of email and name", id="to of the wrong type"),
        pytest.param(
            {"to": ["a@mydomain.test", {"mail": "b@mydomain.test"}]},
            "to.1: must be a string, or an object of email and name",
            id="second of a list",
        ),
        pytest.param({"cc": "nobody"}, "cc: An email address must have an @-sign", id="not an address"),
        pytest.param({"to": "a" * 900_000 + "@x.test"}, "to: has more than 1000 characters", id="very long address"),
        pytest.param(
            {"from_": {"email": f"{'ü' * 1000}@x.test"}}, "from: has more than 1000 characters", id="long address"
        ),
        pytest.param({"to": [f"a{n}@x.test" for n in range(51)]}, "to: holds more than 50 recipients", id="51 in to"),
        pytest.param(
            {"to": [f"a{n}@mydomain.test" for n in range(30)], "cc": [f"b{n}@mydomain.test" for n in range(21)]},
            "to: holds more than 50 recipients, cc and bcc included",
            id="51 in all",
        ),
        pytest.param({"html": "yes"}, "html: must be true, false or HTML", id="html of the wrong type"),
        pytest.param({"html": True, "body": ...}, "body: is required", id="html without a body"),
        pytest.param({"html": True, "body": ..., "text": "x"}, "body: is required when html is true", id="only text"),
        pytest.param({"text": "x"}, "text: says the same as body; send one of them", id="body and text"),
        pytest.param({"headers_": []}, "headers: must be an object", id="headers of the wrong type"),
        pytest.param({"headers_": {"Bcc": "x"}}, f"headers.Bcc: {NAME_PROBLEM}", id="other header"),
        pytest.param({"headers_": {"X-A": "a\nb"}}, f"headers.X-A: {ONE_LINE}", id="line break in a header"),
        pytest.param({"headers_": {f"X-{n}": "" for n in range(21)}}, "headers: holds more than 20 entries", id="many"),
        pytest.param({"metadata": {"a b": "x"}}, "metadata.a b: must be letters, digits, _, . or -", id="tag's name"),
        pytest.param({"metadata": {"a": 1}}, "metadata.a: must be a string", id="tag's value"),
        pytest.param({"from_": {"email": "a@x.test", "name": "a\rb"}}, f"from: {ONE_LINE}", id="line break in a name"),
        pytest.param({"from_name": "a\nb"}, f"from_name: {ONE_LINE}", id="line break in from_name"),
        pytest.param({"attachments": [1]}, "attachments.0: must be an object", id="attachment of the wrong type"),
        pytest.param({"attachments": [FILE] * 11}, "attachments: are more than 10 (MAX_ATTACHMENTS)", id="11 files"),
        pytest.param(
            {"attachments": [FILE | {"content": "%%"}]}, "attachments.0.content: is not base64", id="not base64"
        ),
        pytest.param({"attachments": [FILE | {"name": "a\r\nb"}]}, f"attachments.0.name: {ONE_LINE}", id="file name"),
        pytest.param({"attachments": [FILE | {"name": "a/"}]}, "attachments.0.name: must not be empty", id="folder"),
        pytest.param(
            {"attachments": [FILE | {"type": "a/b\nX-Y: z"}]},
            "attachments.0.type: is not a media type such as image/png",
            id="line break in a type",
        ),
        pytest.param({"subject": None}, "subject: is required", id="null is absent"),
        pytest.param(
            {"to": [None, "a@mydomain.test", "b"]}, "to.2: An email address must have an @-sign", id="null in a list"
        ),
        pytest.param(
            {"attachments": [None, FILE, {"name": None, "content": "YQ=="}]},
            "attachments.2.name: must be a string",
            id="null in files",
        ),
        pytest.param(
            {"attachments": [FILE | {"content_id": "a"}] * 2},
            "attachments: hold the same content_id twice",
            id="one id for two images",
        ),
        pytest.param({"body": "a\0b"}, "body: must not hold NUL characters", id="NUL in the body"),
        pytest.param({"subject": 1, "body": 2}, "subject: must be a string; body: must be a string", id="two fields"),
    ],
)
async def test_bad_fields(shared_api: Api, shared_postfix: FakePostfix, fields: dict[str, Any], message: str) -> None:
    """An invalid field is answered 400 with its name, and no mail is sent."""
    response = await shared_api.send(**fields)
    errors = dict(part.split(": ", 1) for part in message.split("; ")) if "; send" not in message else None
    answer = response.json()
    assert (400, False, message, "invalid_request") == (
        response.status_code,
        answer["success"],
        answer["message"],
        answer["code"],
    )
    assert errors in (None, answer["errors"])
    assert [] == shared_postfix.commands


@SHARED
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"to": \xff}', b"[" * 100_000, b"1" * 5_000, b"[]", b"null"],
    ids=["empty", "cut off", "not UTF-8", "nested deeply", "huge number", "an array", "null"],
)
async def test_bad_json(shared_api: Api, content: bytes) -> None:
    """A body that is not a JSON object is answered 400."""
    response = await shared_api.client.post("/send", content=content, headers=JSON)
    assert 400 == response.status_code
    assert response.json()["message"].startswith("request: ")


@SHARED
async def test_json_name_twice(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A name that is there twice is rejected, since one of its values would be lost."""
    content = b'{"to": "hello@mydomain.test", "subject": "s", "body": "a", "body": "b"}'
    response = await shared_api.client.post("/send", content=content, headers=JSON)
    assert (400, []) == (response.status_code, shared_postfix.commands)
    assert {"body": "is there twice in one JSON object"} == response.json()["errors"]


@SHARED
async def test_json_in_latin_1(shared_api: Api) -> None:
    """JSON that is not UTF-8 is rejected with the fix."""
    response = await shared_api.client.post("/send", content='{"body": "ü"}'.encode("latin-1"), headers=JSON)
    assert response.json()["message"] == "request: is not valid JSON: encode it as UTF-8"


@SHARED
async def test_json_in_declared_charset(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """JSON in a charset that Content-Type declares is read in it."""
    content = '{"to": "hello@mydomain.test", "subject": "s", "body": "Grüße"}'.encode("latin-1")
    headers = {"Content-Type": "application/json; charset=ISO-8859-1"}
    assert 200 == (await shared_api.client.post("/send", content=content, headers=headers)).status_code
    assert b64encode("Grüße\r\n".encode()) in shared_postfix.mails[0].content


@SHARED
async def test_nulls(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Null is absent at every place of a JSON request."""
    fields: dict[str, Any] = {
        "to": ["hello@mydomain.test", None],
        "reply_to": {"email": "v@x.test", "name": None},
        "headers_": {"X-A": None, "X-B": "b"},
        "metadata": {"a": None, "b": "c"},
        "attachments": [None, {**FILE, "type": None, "content_id": None}],
        **dict.fromkeys(("cc", "bcc", "text", "from_", "from_name", "html", "redirect", "form_opened_at", "hp_url")),
    }
    response = await shared_api.send(**fields)
    assert (response.status_code, shared_postfix.mails[0].recipients) == (200, ["hello@mydomain.test"])
    assert b"X-A" not in shared_postfix.mails[0].content
    assert shared_api.log("mail accepted")[0]["mail.metadata"] == {"b": "c"}


@SHARED
@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/jsonp", "multipart/mixed", ""], ids=lambda kind: kind
)
async def test_media_type(shared_api: Api, media_type: str) -> None:
    """A body with another media type is answered 415 with the accepted types."""
    response = await shared_api.client.post("/send", content=b"{}", headers={"Content-Type": media_type})
    assert 415 == response.status_code
    assert "Content-Type: application/json" in response.json()["message"]


@SHARED
async def test_media_type_parameters(shared_api: Api) -> None:
    """Parameters of the media type, such as charset, are ignored."""
    assert 200 == (await shared_api.send({"Content-Type": "Application/JSON; charset=utf-8"})).status_code


@SHARED
async def test_too_large_by_header(shared_api: Api) -> None:
    """A Content-Length above the limit is answered 413 before the body is read."""
    response = await shared_api.client.post("/send", content=b"x" * 1_000_001, headers=JSON)
    assert (413, False) == (response.status_code, response.json()["success"])


@SHARED
async def test_too_large_streamed(shared_api: Api) -> None:
    """A body without a length is answered 413 at the limit, without reading the rest."""
    produced = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal produced
        while produced < 1_000:
            produced += 1
            yield b"x" * 100_000

    response = await shared_api.client.post("/send", content=endless(), headers=JSON)
    assert 413 == response.status_code
    assert "MAX_REQUEST_BYTES" in response.json()["message"]


@SHARED
@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        pytest.param("GET", "/send", 405, "POST, OPTIONS", id="GET /send"),
        pytest.param("PURGE", "/send", 405, "POST, OPTIONS", id="odd method"),
        pytest.param("POST", "/health", 405, "GET, HEAD, OPTIONS", id="POST /health"),
        pytest.param("GET", "/", 404, "", id="unknown path"),
        pytest.param("POST", "/send/", 404, "", id="closing slash"),
    ],
)
async def test_router_refusals(shared_api: Api, method: str, path: str, status: int, allow: str) -> None:
    """Unknown paths and methods are answered as JSON in the usual form."""
    response = await shared_api.client.request(method, path)
    assert (status, False) == (response.status_code, response.json()["success"])
    assert set(response.headers.get("Allow", "").split(", ")) == set(allow.split(", "))


@SHARED
async def test_recipient_not_allowed(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A recipient that is not allowed is answered 403 with the variable and a link to the docs, and no mail is sent."""
    response = await shared_api.send(to="stranger@example.com")
    assert 403 == response.status_code
    assert "ALLOWED_RECIPIENTS" in response.json()["message"]
    assert "docs/api-reference.md#recipients" in response.json()["errors"]["to"]
    assert [] == shared_postfix.commands
