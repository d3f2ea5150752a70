"""Without its ledger the API sends mail, and reports the problem."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mail_api import ledger_client, maintenance
from mail_ledger.api_keys import ApiKeys
from tests.polling import until
from tests.unit.api.fake_postfix import HOLD

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix


UNKNOWN_ID = f"msg_{'0' * 26}"
AWAY = "ledger unreachable (LEDGER_URL); mail is sent without status, quota and idempotency"


@pytest.fixture
def file(ledger_url: str) -> Path:
    """Return the path of the ledger's file."""
    return Path(ledger_url.removeprefix("sqlite:///"))


@pytest.fixture
def original_content(file: Path) -> bytes:
    """Return the ledger's content before it is overwritten."""
    return file.read_bytes()


@pytest.fixture
def broken_ledger(file: Path, original_content: bytes) -> None:
    """Overwrite the ledger's file, so that it is not a database."""
    file.write_bytes(b"not a database, for sure" * len(original_content))


@pytest.mark.usefixtures("broken_ledger")
async def test_mail_is_sent(api: Api, postfix: FakePostfix) -> None:
    """Mail is sent without status and idempotency; each failed operation is counted, and logged once."""
    answers = [await api.send({"Idempotency-Key": "once"}) for _ in range(2)]
    assert ([answer.status_code for answer in answers], len(postfix.mails)) == ([200, 200], 2)
    assert {
        operation: api.metric("mail_api_ledger_faults_total", operation=operation)
        for operation in ("claim", "finish", "quota")
    } == {"claim": 2, "finish": 0, "quota": 2}
    assert len(api.log(AWAY)) == 1


@pytest.mark.usefixtures("broken_ledger")
async def test_status(api: Api) -> None:
    """A status request is answered 503 with Retry-After; readiness does not depend on the ledger."""
    answer = await api.client.get(f"/messages/{UNKNOWN_ID}")
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (
        503,
        "ledger_unavailable",
        "5",
    )
    assert (await api.client.get("/ready")).status_code == 200


@pytest.mark.usefixtures("broken_ledger")
async def test_unverifiable_key(api: Api, postfix: FakePostfix) -> None:
    """An unverifiable key is rejected where a key is required, and treated as anonymous elsewhere."""
    holder = {"Authorization": "Bearer dm_00000000_00000000000000000000000000000000"}
    for refused in (await api.send(holder, to="a@x.test"), await api.send({**holder, "Origin": "https://x.test"})):
        assert (refused.status_code, refused.json()["code"], postfix.mails) == (503, "key_unverifiable", [])
    assert (await api.send(holder)).status_code == 200
    # It cannot be treated as anonymous here: a repeated request could send a second mail.
    assert (await api.send({**holder, "Idempotency-Key": "order-1"})).json()["code"] == "key_unverifiable"
    assert len(postfix.mails) == 1


async def test_locked(api: Api, postfix: FakePostfix, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that another process has locked delays a mail once, for a limited time."""
    monkeypatch.setattr(ledger_client.LedgerClient.write, "__defaults__", (0.2,))
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with asyncio.timeout(2):
            answers = [await api.send() for _ in range(5)]
        other.rollback()
    assert ([answer.status_code for answer in answers], len(postfix.mails)) == ([200] * 5, 5)
    assert api.metric("mail_api_ledger_faults_total", operation="begin") == 5


async def test_submission_stored_late(
    api: Api, postfix: FakePostfix, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submission that is stored after its request has ended gets its outcome, so a failed mail's key is free."""
    monkeypatch.setattr(ledger_client, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(ledger_client.LedgerClient.write, "__defaults__", (0.2,))
    monkeypatch.setattr(maintenance, "_ROUND_SECONDS", 0.05)
    once = {"Idempotency-Key": "once"}
    postfix.fail("RCPT", "550 5.1.1 no such user")
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert (await api.send(once)).json()["code"] == "recipient_refused"
        other.rollback()
    async with asyncio.timeout(5):
        while (again := await api.send(once)).status_code != 200:
            assert again.json()["code"] == "request_in_flight"
            await asyncio.sleep(0.05)
    assert len(postfix.mails) == 1


async def test_outcome_stored_late(api: Api, postfix: FakePostfix, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the ledger is unreachable while a mail is sent, the outcome is stored when it is reachable again."""
    monkeypatch.setattr(ledger_client, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(ledger_client.LedgerClient.write, "__defaults__", (0.2,))
    monkeypatch.setattr(maintenance, "_ROUND_SECONDS", 0.05)
    once = {"Idempotency-Key": "once"}
    postfix.fail("CONTENT", HOLD)
    first = asyncio.create_task(api.send(once))
    await postfix.wait_for("CONTENT")
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        postfix.held.set()
        assert (await first).status_code == 200
        other.rollback()
    async with asyncio.timeout(5):
        while (again := await api.send(once)).status_code != 200:
            assert again.json()["code"] == "request_in_flight"
            await asyncio.sleep(0.05)
    assert (again.headers["Idempotent-Replayed"], len(postfix.mails)) == ("true", 1)


async def test_verified_key(api: Api, postfix: FakePostfix, keys: ApiKeys, file: Path) -> None:
    """A key that was verified before stays valid."""
    holder = {"Authorization": f"Bearer {keys.create('shop')}"}
    await api.send(holder, to="a@elsewhere.test")
    with closing(sqlite3.connect(file)) as database:
        database.execute("ALTER TABLE api_key RENAME TO lost")
    assert (await api.send(holder, to="b@elsewhere.test")).status_code == 200
    assert len(postfix.mails) == 2


@pytest.mark.usefixtures("broken_ledger")
async def test_ledger_reachable_again(
    api: Api, file: Path, original_content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the ledger is reachable again it is used, without a restart."""
    monkeypatch.setattr(ledger_client, "PAUSE_SECONDS", 0)
    await api.send()
    await asyncio.to_thread(file.write_bytes, original_content)
    sent = (await api.send()).json()["id"]
    assert (await api.client.get(f"/messages/{sent}")).json()["state"] == "accepted"
    assert len(api.log("ledger reachable again")) == 1


@pytest.mark.usefixtures("broken_ledger")
async def test_overdue_pruning_waits(monkeypatch: pytest.MonkeyPatch, start_api: StartApi) -> None:
    """While the ledger is unreachable, overdue pruning is not tried in every round of the maintenance."""
    monkeypatch.setattr(maintenance, "_ROUND_SECONDS", 0.01)
    monkeypatch.setattr(maintenance, "_RESOLVE_SECONDS", 0.01)
    api = await start_api()

    def settled() -> bool:
        return (api.metric("mail_api_ledger_faults_total", operation="settle") or 0) >= 5

    await asyncio.to_thread(until, "five attempts to settle", settled)
    # One attempt each for mails and for caught mails.
    assert api.metric("mail_api_ledger_faults_total", operation="prune") == 2
