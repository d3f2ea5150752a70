"""Bot checks of forms: honeypot and minimum fill time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from mail_api.bot_checks import BotChecks
from mail_api.errors import FilledTooFast, InvalidRequest, TooManyLinks

if TYPE_CHECKING:
    from mail_ledger.api_keys import ApiKeys
    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix

NOW = 1_800_000_000.0
CHECKS = BotChecks(("hp_url", "hp_note"), 2)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"hp_url": ""},
        {"hp_url": None},
        {"form_opened_at": ""},
        {"form_opened_at": NOW - 2},
        {"form_opened_at": str(int(NOW - 60))},
        {"form_opened_at": (NOW - 3) * 1000},
        {"form_opened_at": NOW + 60},
        {"form_opened_at": 0},
    ],
    ids=str,
)
def test_people(payload: dict[str, Any]) -> None:
    """A form passes if it was open long enough, does not send the field, or was opened by a clock that is ahead."""
    assert CHECKS.filled_honeypot(payload) is None
    CHECKS.check_fill_time(payload, NOW)


@pytest.mark.parametrize("value", ["http://spam.test", " ", 7, ["x"], {}], ids=str)
def test_honeypot(value: object) -> None:
    """Any value in the hidden field identifies a bot."""
    assert "hp_url" == CHECKS.filled_honeypot({"hp_url": value})


@pytest.mark.parametrize("opened_at", [NOW - 0.5, str((NOW - 0.5) * 1000)], ids=str)
def test_too_fast(opened_at: object) -> None:
    """A form that is sent too soon is rejected with the remaining time."""
    with pytest.raises(FilledTooFast) as raised:
        CHECKS.check_fill_time({"form_opened_at": opened_at}, NOW)
    assert raised.value.retry_after == 2


@pytest.mark.parametrize("opened_at", ["soon", [], {}, "9" * 5000, 10**400], ids=lambda value: str(value)[:9])
def test_no_time(opened_at: object) -> None:
    """An invalid opening time is an error of its field."""
    if isinstance(opened_at, str) and opened_at.isdecimal():
        CHECKS.check_fill_time({"form_opened_at": opened_at}, NOW)  # infinitely far in the future
        return
    with pytest.raises(InvalidRequest):
        CHECKS.check_fill_time({"form_opened_at": opened_at}, NOW)


async def test_silent_success(api: Api, postfix: FakePostfix) -> None:
    """A bot gets the answer of a success, no mail is sent, and the request is counted."""
    real, caught = await api.send(), await api.send(hp_url="http://spam.test", subject=1)
    assert (caught.status_code, caught.headers.keys()) == (real.status_code, real.headers.keys())
    own = {"id": "", "status_url": ""}
    assert caught.json() | own == real.json() | own
    assert re.fullmatch(r"msg_[0-9a-z]{26}", caught.json()["id"])
    assert len(postfix.mails) == 1
    assert api.metric("mail_api_messages_total", result="honeypot") == 1
    assert [line["mail.result"] for line in api.log("mail not accepted")] == ["honeypot"]


async def test_variables(start_api: StartApi, postfix: FakePostfix) -> None:
    """Variables set the honeypot's name and the minimum fill time, and can turn both off."""
    api = await start_api(honeypot_field="website", min_fill_seconds=0)
    assert (await api.send(hp_url="x", form_opened_at=4e9)).status_code == 200
    assert (await api.send(website="x")).status_code == 200
    assert len(postfix.mails) == 1


LINKS = "See https://a.test/1, http://b.test and www.c.test."


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        pytest.param({"body": LINKS}, 3, id="text"),
        pytest.param({"body": LINKS, "html": '<a href="https://a.test/1">http://b.test</a>'}, 3, id="text and HTML"),
        pytest.param({"body": "https://a.test/ HTTPS://A.test https://a.test."}, 1, id="the same link"),
        pytest.param({"subject": "www.a.test", "fields": {"site": ["http://b.test"]}}, 2, id="nested"),
        pytest.param({"body": "[url=https://a.test]x[/url] (https://b.test)"}, 2, id="BBCode"),
        pytest.param({"redirect": "https://a.test", "headers": {"X-Page": "https://b.test"}}, 0, id="no text"),
        pytest.param({"_page": "https://a.test", "hp_url": "https://b.test"}, 0, id="left out"),
        pytest.param({"body": "a.test, mail@b.test"}, 0, id="no scheme"),
        pytest.param({"body": 7, "text": None, "html": True}, 0, id="other types"),
    ],
)
def test_links(payload: dict[str, Any], found: int) -> None:
    """Different links in the text fields are counted."""
    BotChecks(("hp_url",), 0, found).check_links(payload)
    BotChecks(("hp_url",), 0).check_links(payload)
    if found:
        with pytest.raises(TooManyLinks, match=f"The text has {found} links; at most {found - 1} are allowed"):
            BotChecks(("hp_url",), 0, found - 1).check_links(payload)


async def test_too_many_links(start_api: StartApi, postfix: FakePostfix, keys: ApiKeys) -> None:
    """Above MAX_LINKS a request is rejected, unless it has an API key."""
    api = await start_api(max_links=2)
    answer = await api.send(body=LINKS)
    assert (answer.status_code, answer.json()["code"], postfix.mails) == (400, "too_many_links", [])
    assert api.metric("mail_api_messages_total", result="too_many_links") == 1
    assert (await api.send({"Authorization": f"Bearer {keys.create('shop')}"}, body=LINKS)).status_code == 200
    assert (await api.send(body="https://a.test")).status_code == 200
