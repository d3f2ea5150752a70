"""CORS: pages of ALLOWED_HOSTS can send requests and read answers, others cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

OWN = "https://www.mydomain.test"
FOREIGN = "https://evil.test"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


@SHARED
async def test_preflight(shared_api: Api) -> None:
    """A page of ALLOWED_HOSTS may post JSON."""
    response = await shared_api.client.options("/send", headers={"Origin": OWN, **PREFLIGHT})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == OWN
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "content-type" in response.headers["Access-Control-Allow-Headers"].lower()


@SHARED
async def test_headers_of_other_scripts(shared_api: Api) -> None:
    """A page whose error-tracking script adds headers to every request can send."""
    asked = {**PREFLIGHT, "Access-Control-Request-Headers": "content-type,baggage,sentry-trace"}
    response = await shared_api.client.options("/send", headers={"Origin": OWN, **asked})
    assert (response.status_code, response.headers["Access-Control-Allow-Headers"]) == (
        200,
        "content-type,baggage,sentry-trace",
    )
    assert "Access-Control-Allow-Credentials" not in response.headers


@SHARED
@pytest.mark.parametrize(
    "asked", ["baggage, traceparent, tracestate", "x-requested-with", "Authorization,Idempotency-Key"]
)
async def test_any_requested_header(shared_api: Api, asked: str) -> None:
    """Headers that scripts add are allowed as they are asked for: the API does not read them."""
    headers = {"Origin": OWN, **PREFLIGHT, "Access-Control-Request-Headers": asked}
    response = await shared_api.client.options("/send", headers=headers)
    assert (response.status_code, response.headers["Access-Control-Allow-Headers"]) == (200, asked)


@SHARED
async def test_foreign_preflight(shared_api: Api) -> None:
    """A preflight of a foreign page is rejected, without CORS headers."""
    response = await shared_api.client.options("/send", headers={"Origin": FOREIGN, **PREFLIGHT})
    assert (response.status_code, response.json()["success"]) == (403, False)
    assert response.json()["code"] == "origin_not_allowed"
    assert not [name for name in response.headers if name.startswith("access-control")]


@SHARED
@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, 200), ({"subject": 1}, 400), ({"to": "a@x.test"}, 403)],
    ids=["sent", "bad", "recipient not allowed"],
)
async def test_readable_answers(shared_api: Api, fields: dict[str, object], status: int) -> None:
    """An allowed page can read every answer, also errors, and `Vary: Origin` is set."""
    response = await shared_api.send({"Origin": OWN}, **fields)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == OWN
    assert "Origin" in response.headers["Vary"]


async def test_retry_after_is_readable(api: Api, postfix: FakePostfix) -> None:
    """A script can read Retry-After."""
    await postfix.stop()
    response = await api.send({"Origin": OWN})
    assert response.status_code == 503
    assert response.headers["Access-Control-Expose-Headers"] == "Idempotent-Replayed, Retry-After, X-Request-ID"


@SHARED
@pytest.mark.parametrize("origin", [FOREIGN, "null", "", "https://mydomain.test.evil.test"], ids=ascii)
async def test_foreign_post(shared_api: Api, shared_postfix: FakePostfix, origin: str) -> None:
    """A post from a foreign page is rejected with the variable's name, whatever its content, and no mail is sent."""
    response = await shared_api.send({"Origin": origin})
    assert (response.status_code, shared_postfix.commands) == (403, [])
    assert "ALLOWED_HOSTS" in response.json()["message"]
    assert "Access-Control-Allow-Origin" not in response.headers


@SHARED
async def test_no_browser(shared_api: Api) -> None:
    """Without Origin there is no CORS header."""
    response = await shared_api.send()
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]


@SHARED
async def test_foreign_get(shared_api: Api) -> None:
    """/health is answered, but a foreign page cannot read the answer."""
    response = await shared_api.client.get("/health", headers={"Origin": FOREIGN})
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers
