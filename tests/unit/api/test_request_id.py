"""Request id: accepted from the caller if valid, otherwise generated; returned and logged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api

OWN = re.compile(r"req_[0-9a-f]{24}")


@SHARED
async def test_taken_over(shared_api: Api) -> None:
    """The caller's id is in the answer and in every log line about the request."""
    response = await shared_api.send({"X-Request-ID": "site-42/a:b"})
    assert response.headers["X-Request-ID"] == "site-42/a:b"
    assert [line["http.request.id"] for line in shared_api.log("mail accepted")] == ["site-42/a:b"]


@SHARED
@pytest.mark.parametrize("claimed", ["", " ", "a b", "a@x.org", "a\tb", "é", "-a", "x" * 129, "{}"], ids=ascii)
async def test_made(shared_api: Api, claimed: str) -> None:
    """An id with characters that are invalid in a log or header is replaced."""
    response = await shared_api.client.get("/health", headers={b"X-Request-ID": claimed.encode()})
    assert OWN.fullmatch(response.headers["X-Request-ID"])


@SHARED
async def test_every_answer_has_one(shared_api: Api) -> None:
    """Each request has its own id, also rejected ones and preflights."""
    preflight = {"Origin": "https://mydomain.test", "Access-Control-Request-Method": "POST"}
    answers = [
        await shared_api.client.get("/nowhere"),
        await shared_api.client.options("/send", headers=preflight),
        await shared_api.send(subject=1),
    ]
    found = [answer.headers["X-Request-ID"] for answer in answers]
    assert len(set(found)) == 3
    assert all(OWN.fullmatch(one) for one in found)
