"""Idempotency-Key: a repeated request is sent once."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import pytest

from mail_api.schemas import parse_send_request
from mail_api.submissions import Idempotency
from mail_api.telemetry import Telemetry
from mail_ledger.api_keys import ApiKeys
from tests.unit.api.conftest import SHARED
from tests.unit.api.fake_postfix import DROP, HOLD

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix

ONCE = {"Idempotency-Key": "order-17"}


@SHARED
async def test_replay(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A repeated request gets the first answer, marked as replayed."""
    replayed = shared_api.count("mail_api_messages_total", result="replayed")
    first, second = await shared_api.send(ONCE), await shared_api.send(ONCE)
    assert (first.json(), len(shared_postfix.mails)) == (second.json(), 1)
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert shared_api.count("mail_api_messages_total", result="replayed") == replayed + 1


@SHARED
async def test_other_form_same_mail(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """The mail is compared, not the bytes: a form with the same content as JSON is a repeated request."""
    first = await shared_api.send(ONCE)
    fields = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
    second = await shared_api.client.post("/send", data=fields, headers={**ONCE, "Accept": "application/json"})
    assert (second.json()["id"], len(shared_postfix.mails)) == (first.json()["id"], 1)


@SHARED
@pytest.mark.parametrize(
    "changed",
    [
        {"body": "Ho"},
        {"to": ["hello@mydomain.test", "b@mydomain.test"]},
        {"attachments": [{"name": "a.txt", "content": base64.b64encode(b"x").decode()}]},
    ],
    ids=["text", "recipient", "file"],
)
async def test_other_mail(shared_api: Api, shared_postfix: FakePostfix, changed: dict[str, object]) -> None:
    """Another mail with the same key is rejected."""
    await shared_api.send(ONCE)
    answer = await shared_api.send(ONCE, **changed)
    assert (answer.status_code, answer.json()["code"], len(shared_postfix.mails)) == (409, "idempotency_conflict", 1)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        pytest.param({}, "94f10b1d95f09633597ab0d219437f5d7a74936a9aa56aefefa70c4f5c07f946", id="text"),
        pytest.param(
            {"attachments": [{"name": "a.pdf", "content_type": "application/pdf", "content": "eA=="}]},
            "783409c978dc31b88be83ae67ff0107bec782d12efa6d084a224c78db1440ac7",
            id="file",
        ),
    ],
)
def test_hash_of_older_versions(fields: dict[str, object], stored: str) -> None:
    """A request has the hash that the first version with a ledger stored: a repetition after an upgrade is known."""
    payload = {"to": "recipient@example.com", "subject": "Order 17", "body": "Hello", **fields}
    found = Idempotency.of("order-17", None, parse_send_request(payload, 10, 10_000))
    assert found is not None
    assert stored == found.payload_hash


async def test_in_flight(api: Api, postfix: FakePostfix) -> None:
    """While the first request is in progress, the second is answered request_in_flight."""
    postfix.fail("CONTENT", HOLD)
    first = asyncio.create_task(api.send(ONCE))
    await postfix.wait_for("DATA")
    second = await api.send(ONCE)
    assert (second.status_code, second.json()["code"], second.headers["Retry-After"]) == (409, "request_in_flight", "1")
    postfix.held.set()
    assert (await first).status_code == 200
    assert (await api.send(ONCE)).json() == (await first).json()


async def test_failure_frees_the_key(api: Api, postfix: FakePostfix) -> None:
    """A mail that was not sent can be retried with its key."""
    postfix.fail("RCPT", "550 5.1.1 no such user")
    assert [(await api.send(ONCE)).status_code for _ in range(3)] == [400, 200, 200]
    assert len(postfix.mails) == 1


async def test_unknown_keeps_the_key(api: Api, postfix: FakePostfix) -> None:
    """A mail that may have been sent is not sent again before the log has its outcome."""
    postfix.fail("CONTENT", DROP)
    first, second = await api.send(ONCE), await api.send(ONCE)
    assert [answer.json()["code"] for answer in (first, second)] == ["outcome_unknown"] * 2
    assert (first.json()["id"], postfix.mails) == (second.json()["id"], [])


async def test_defect_keeps_the_key(api: Api, postfix: FakePostfix, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an unexpected error a mail is not sent again, since it may have been sent."""

    def fail(_: Telemetry, seconds: float) -> None:
        raise RuntimeError(seconds)

    monkeypatch.setattr(Telemetry, "observe_submission", fail)
    codes = [(await api.send(ONCE)).json()["code"] for _ in range(2)]
    assert (codes, len(postfix.mails)) == (["internal_error", "outcome_unknown"], 1)


@SHARED
async def test_keys_of_others(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """Two API keys can use the same Idempotency-Key for different requests."""
    for name in ("one", "two"):
        await shared_api.send({**ONCE, "Authorization": f"Bearer {shared_keys.create(name)}"})
    assert len(shared_postfix.mails) == 2


@SHARED
@pytest.mark.parametrize("key", ["", "x" * 257], ids=["empty", "long"])
async def test_unusable(shared_api: Api, key: str) -> None:
    """The error for an unusable key names the header."""
    answer = await shared_api.send({"Idempotency-Key": key})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"Idempotency-Key"})


async def test_replay_needs_no_room(start_api: StartApi, postfix: FakePostfix) -> None:
    """A repeated request is answered when the quota is full, and a rejected first request keeps no key."""
    api = await start_api(smtp_relay_daily_limit=1, quota_reserve=0)
    other = {"Idempotency-Key": "order-18"}
    codes = [(await api.send(headers)).status_code for headers in (ONCE, other, ONCE, other)]
    assert (codes, len(postfix.mails)) == ([200, 429, 200, 429], 1)
