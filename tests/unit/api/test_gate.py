"""How much is in hand at the same time."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from mail_api.errors import TooManyRequests
from mail_api.gate import Gate
from tests.unit.api.fake_postfix import HOLD

if TYPE_CHECKING:
    from tests.unit.api.conftest import StartApi
    from tests.unit.api.fake_postfix import FakePostfix


def test_number() -> None:
    """There is room for so many requests, and again when they have gone."""
    gate = Gate(2, 1000)
    with gate.entered("10"), gate.entered("10"), pytest.raises(TooManyRequests), gate.entered("10"):
        pass
    with gate.entered("10"):
        pass


@pytest.mark.parametrize("declared", ["1000000", "", "9999999999", "-1"], ids=str)
def test_bytes(declared: str) -> None:
    """Long bodies, and those of unknown length, take room from others; a short one still fits beside them."""
    gate = Gate(1000, 1_000_000)
    with ExitStack() as stack:
        for _ in range(23):
            stack.enter_context(gate.entered(declared))
        stack.enter_context(gate.entered("500000"))
        with pytest.raises(TooManyRequests):
            stack.enter_context(gate.entered(declared))


async def test_answer(start_api: StartApi, postfix: FakePostfix) -> None:
    """Who finds no room is told at once, and when to come back."""
    api = await start_api(max_concurrent_requests=1, smtp_retry_seconds=5)
    postfix.fail("CONTENT", HOLD)
    first = asyncio.create_task(api.send())
    await postfix.wait_for("CONTENT")
    second = await api.send()
    postfix.held.set()
    assert (await first).status_code == 200
    assert (second.status_code, second.json()["code"], second.headers["Retry-After"]) == (503, "too_many_requests", "5")
    assert (await api.send()).status_code == 200
