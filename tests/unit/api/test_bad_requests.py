"""What is refused before anything is sent, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

JSON = {"Content-Type": "application/json"}


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
    ("method", "path", "status", "allow"),
    [
        pytest.param("GET", "/send", 405, "POST", id="GET /send"),
        pytest.param("PURGE", "/send", 405, "POST", id="odd method"),
        pytest.param("POST", "/health", 405, "GET, HEAD", id="POST /health"),
        pytest.param("GET", "/", 404, "", id="unknown path"),
        pytest.param("POST", "/send/", 404, "", id="closing slash"),
    ],
)
async def test_router_refusals(api: Api, method: str, path: str, status: int, allow: str) -> None:
    """Unknown paths and methods are refused in the seed's shape too."""
    response = await api.client.request(method, path)
    assert (status, False) == (response.status_code, response.json()["success"])
    assert set(response.headers.get("Allow", "").split(", ")) == set(allow.split(", "))


async def test_recipient_not_allowed(api: Api, postfix: FakePostfix) -> None:
    """A stranger as recipient is a 403 that names the variable, and nothing is sent."""
    response = await api.send(to="stranger@example.com")
    assert 403 == response.status_code
    assert "ALLOWED_RECIPIENTS" in response.json()["message"]
    assert [] == postfix.commands
