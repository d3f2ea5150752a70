"""/ready: the state for every caller, the reasons in the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mail_api import readiness as module
from mail_api.readiness import Readiness
from tests.unit.api.fake_postfix import HANG

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix


async def test_ready(api: Api, postfix: FakePostfix) -> None:
    """/ready is 200 when the mail server greets and answers EHLO; concurrent requests share one check."""
    answers = await asyncio.gather(*(api.client.get("/ready") for _ in range(20)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"status":"ready"}')}
    assert (await api.client.head("/ready")).status_code == 200
    assert (postfix.sessions, postfix.commands) == (1, ["EHLO mail-api", "QUIT"])


@pytest.mark.parametrize(
    ("stage", "reply", "reason"),
    [
        pytest.param("CONNECT", HANG, "did not answer within 0.1 s", id="no greeting"),
        pytest.param("EHLO", HANG, "did not answer within 0.1 s", id="no answer"),
        pytest.param("CONNECT", "554 no", "takes no mail: it greets with 554", id="refused"),
        pytest.param("EHLO", "421 4.3.2 going down", "takes no mail: it answers EHLO with 421", id="going down"),
        pytest.param("CONNECT", "drop", "does not answer: ", id="dropped"),
    ],
)
async def test_not_ready(  # noqa: PLR0913, PLR0917 - fixtures and a table
    api: Api, postfix: FakePostfix, monkeypatch: pytest.MonkeyPatch, stage: str, reply: str, reason: str
) -> None:
    """Without a key the answer has the state and Retry-After only, and the reason is logged."""
    monkeypatch.setattr(module, "GREETING_SECONDS", 0.1 if reply == HANG else 30)
    postfix.fail(stage, reply)
    response = await api.client.get("/ready")
    assert (response.status_code, response.text) == (503, '{"status":"not ready"}')
    assert response.headers["Retry-After"] == "3"
    (line,) = api.log("not ready")
    assert reason in line["mail_server"]


async def test_changes_are_logged(postfix: FakePostfix, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line is logged when the state changes to not ready, and one when it changes back."""
    monkeypatch.setattr(module, "CACHE_SECONDS", 0)
    port = postfix.port
    await postfix.stop()
    assert [(await api.client.get("/ready")).status_code for _ in range(3)] == [503, 503, 503]
    await postfix.start(port)
    assert [(await api.client.get("/ready")).status_code for _ in range(2)] == [200, 200]
    assert (len(api.log("not ready")), len(api.log("ready again"))) == (1, 1)


async def test_checks_are_named() -> None:
    """The reasons have the names of the failed checks."""

    async def fine() -> dict[str, str]:
        return {}

    async def broken() -> dict[str, str]:
        return {"b": "it is broken"}

    assert await Readiness(fine, broken).reasons() == {"b": "it is broken"}


async def test_liveness_is_apart(api: Api, postfix: FakePostfix) -> None:
    """Without a mail server /health is 200, so that a proxy keeps the API."""
    await postfix.stop()
    assert (await api.client.get("/health")).status_code == 200
