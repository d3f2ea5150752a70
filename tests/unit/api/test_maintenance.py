"""Maintenance of the ledger while the API runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from mail_api import maintenance
from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger, Rules
from mail_ledger.tables import DAY_SECONDS
from tests.unit.api.fake_postfix import DROP
from tests.unit.ledger.fakes import Clock, MailServer, submission

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tests.unit.api.conftest import StartApi
    from tests.unit.api.fake_postfix import FakePostfix


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten all intervals of the maintenance."""
    monkeypatch.setattr(maintenance, "_ROUND_SECONDS", 0.01)
    monkeypatch.setattr(maintenance, "_RESOLVE_SECONDS", 0.01)
    monkeypatch.setattr(maintenance, "_PRUNE_SECONDS", 0.01)


async def test_unknown_outcome_is_resolved(start_api: StartApi, postfix: FakePostfix, ledger_engine: Engine) -> None:
    """A mail of unknown outcome is accepted once the log has it."""
    api = await start_api()
    postfix.fail("CONTENT", DROP)
    sent = (await api.send()).json()["id"]
    await asyncio.to_thread(MailServer(Ledger(ledger_engine), Clock()).take, api_id=sent)
    await api.logged("resolved unknown submissions from the mail log")
    assert ApiLedger(ledger_engine, Rules()).submissions.get(sent).state == "accepted"  # type: ignore[union-attr]


async def test_old_mails_are_deleted(start_api: StartApi, ledger_engine: Engine) -> None:
    """Only mails older than LEDGER_RETENTION_DAYS are deleted."""
    clock = Clock()
    ledger = ApiLedger(ledger_engine, Rules(now=clock))
    for number, days in ((1, 3), (2, 1)):
        clock.now = time.time() - days * DAY_SECONDS
        ledger.submissions.begin(submission(number))
    api = await start_api(ledger_retention_days=2)
    await api.logged("deleted old mails from the ledger")
    assert [ledger.submissions.get(f"msg_{number}") is None for number in (1, 2)] == [True, False]
