"""The relay's quota in the API: status and enforcement."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from mail_ledger.api_keys import ApiKeys

if TYPE_CHECKING:
    from tests.unit.api.conftest import StartApi
    from tests.unit.api.fake_postfix import FakePostfix


async def test_full(start_api: StartApi, postfix: FakePostfix) -> None:
    """Without room a mail is rejected with the time when there is room, and not sent."""
    api = await start_api(smtp_relay_daily_limit=2, quota_reserve=0)
    answers = [await api.send() for _ in range(3)]
    assert ([answer.status_code for answer in answers], len(postfix.mails)) == ([200, 200, 429], 2)
    assert answers[2].json()["code"] == "quota_exhausted"
    assert int(answers[2].headers["Retry-After"]) == pytest.approx(86_400, abs=5)
    assert "try again at 20" in answers[2].json()["message"]


async def test_at_once(start_api: StartApi, postfix: FakePostfix) -> None:
    """Concurrent requests do not get the same room."""
    api = await start_api(smtp_relay_daily_limit=3, quota_reserve=0, smtp_retry_seconds=10)
    answers = await asyncio.gather(*(api.send() for _ in range(40)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 37}
    assert len(postfix.mails) == 3


async def test_more_than_ever(start_api: StartApi) -> None:
    """A mail that can never fit is rejected without a retry time."""
    api = await start_api(smtp_relay_daily_limit=2, quota_reserve=0)
    answer = await api.send(to=[f"{name}@mydomain.test" for name in "abc"])
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, False)
    assert "send it to fewer" in answer.json()["message"]


async def test_reserve(start_api: StartApi, postfix: FakePostfix, keys: ApiKeys) -> None:
    """Only keys that are marked important can use the reserve."""
    api = await start_api(smtp_relay_daily_limit=2, quota_reserve=1)
    plain, important = keys.create("shop"), keys.create("alerts", important=True)
    callers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": f"Bearer {plain}"},
        {"Authorization": f"Bearer {important}"},
    )
    assert [(await api.send(headers)).status_code for headers in callers] == [200, 429, 200]
    assert len(postfix.mails) == 2


async def test_failed_mails_take_no_room(start_api: StartApi, postfix: FakePostfix) -> None:
    """A mail that the mail server rejected does not count."""
    api = await start_api(smtp_relay_daily_limit=1, quota_reserve=0)
    postfix.fail("RCPT", "550 5.1.1 no such user")
    assert (await api.send()).status_code == 400
    assert (await api.send()).status_code == 200


async def test_refused_repetitions_take_no_room(start_api: StartApi) -> None:
    """A request that the ledger does not accept does not count."""
    api = await start_api(smtp_relay_daily_limit=2, quota_reserve=0)
    once = {"Idempotency-Key": "once"}
    assert [(await api.send(once, subject=subject)).status_code for subject in ("a", "b")] == [200, 409]
    assert (await api.send()).status_code == 200


async def test_path(start_api: StartApi, keys: ApiKeys) -> None:
    """GET /quota returns the ledger's quota, to callers with a key only."""
    api = await start_api(smtp_relay_daily_limit=100, quota_reserve=7)
    await api.send()
    assert (await api.client.get("/quota")).status_code == 401
    shown = await api.client.get("/quota", headers={"Authorization": f"Bearer {keys.create('shop')}"})
    expected = {"limit": 100, "used": 0, "in_queue": 1, "remaining": 100, "reserve": 7, "exhausted": False}
    assert {name: shown.json()[name] for name in expected} == expected


async def test_reserve_must_leave_something(start_api: StartApi) -> None:
    """A reserve as large as the limit stops the start with an error."""
    with pytest.raises(ValueError, match="leaves nothing of SMTP_RELAY_DAILY_LIMIT"):
        await start_api(smtp_relay_daily_limit=50, quota_reserve=50)
