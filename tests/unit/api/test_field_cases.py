"""Requests that failed for people elsewhere: each is delivered as expected, or rejected with the fix.

tests/fixtures/field-cases.jsonl has a line for each report: `input` and `expected` in words, and `requests` with the
answer or the mail that each gets.
"""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    import httpx2

    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

CASES = Path(__file__).resolve().parents[2] / "fixtures" / "field-cases.jsonl"


def cases() -> list[Any]:
    """Return a parameter for each request of each case."""
    found = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    return [
        pytest.param(request, case["expected"], id=f"{case['id']} {case['kind']} {number}")
        for case in found
        for number, request in enumerate(case["requests"], 1)
    ]


async def ask(api: Api, request: dict[str, Any]) -> httpx2.Response:
    """Send the request of a case."""
    if "preflight" in request:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": request["preflight"]}
        return await api.client.options("/send", headers={"Origin": "https://mydomain.test", **asked})
    if "json" in request:
        return await api.client.post("/send", json=request["json"])
    content = request["content"].encode()
    return await api.client.post("/send", content=content, headers={"Content-Type": request["content_type"]})


@SHARED
@pytest.mark.parametrize(("request_", "expected"), cases())
async def test_case(shared_api: Api, shared_postfix: FakePostfix, request_: dict[str, Any], expected: str) -> None:
    """The answer has the expected status and words, and the mail the expected content."""
    response = await ask(shared_api, request_)
    assert response.status_code == request_["status"], (expected, response.text)
    if "preflight" in request_:
        assert response.headers["Access-Control-Allow-Headers"] == request_["preflight"], expected
        return
    if "message" in request_:
        assert request_["message"] in response.json()["message"], expected
        assert shared_postfix.mails == []
        return
    (received,) = shared_postfix.mails
    wanted = {name: request_[name] for name in ("subject", "reply_to", "text", "files") if name in request_}
    assert {name: value for name, value in described(received.content).items() if name in wanted} == wanted, expected


def described(content: bytes) -> dict[str, object]:
    """Return what cases say about a mail; Reply-To and types as they are written, which the newer parser changes."""
    mail, written = message_from_bytes(content, policy=SMTP), message_from_bytes(content)
    plain = mail.get_body(("plain",))
    types = [part["Content-Type"] for part in written.walk() if part.get_filename()]
    return {
        "subject": mail["Subject"],
        "reply_to": written["Reply-To"],
        "text": plain.get_content().strip() if plain else None,
        "files": [[part.get_filename(), kind] for part, kind in zip(mail.iter_attachments(), types, strict=True)],
    }
