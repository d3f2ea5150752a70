"""Headers that a request may set: which ones, with which values, and how they are written."""

from __future__ import annotations

from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from mail_api.header_fields import NAME_PROBLEM
from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

LEAVE = "<https://example.org/leave?token=" + "a" * 300 + ">"


@SHARED
@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("List-Unsubscribe", f"{LEAVE}, <mailto:leave@example.org?subject=x>", None),
        ("list-unsubscribe-post", "List-Unsubscribe=One-Click", "List-Unsubscribe-Post"),
        ("IN-REPLY-TO", "<abc.1@example.org>", "In-Reply-To"),
        ("References", " ".join(f"<{'a' * 60}{number}@example.org>" for number in range(20)), None),
        ("Auto-Submitted", "auto-generated", None),
        ("importance", "High", "Importance"),
        ("X-Form", "contact", None),
    ],
    ids=lambda value: value[:22] if value else "",
)
async def test_accepted(
    shared_api: Api, shared_postfix: FakePostfix, name: str, value: str, written: str | None
) -> None:
    """A listed header arrives under its usual name, folded but not encoded."""
    assert (await shared_api.send(headers_={name: value})).status_code == 200
    content = shared_postfix.mails[0].content
    mail = message_from_bytes(content)
    assert (written or name) in mail.keys()  # noqa: SIM118 - as it is written
    assert " ".join(mail[name].split()) == value
    assert max(map(len, content.split(b"\r\n"))) <= 998


@SHARED
@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        pytest.param({"Bcc": "a@x.test"}, f"Bcc: {NAME_PROBLEM}", id="recipients"),
        pytest.param({"Subject": "x"}, f"Subject: {NAME_PROBLEM}", id="a header of ours"),
        pytest.param(
            {"List-Unsubscribe": "https://x.test"}, "List-Unsubscribe: must be URLs in angle", id="no brackets"
        ),
        pytest.param({"List-Unsubscribe": "<javascript:x>"}, "List-Unsubscribe: must be URLs", id="scheme"),
        pytest.param({"List-Unsubscribe-Post": "yes"}, "List-Unsubscribe-Post: must be List-", id="one click"),
        pytest.param({"In-Reply-To": "abc"}, "In-Reply-To: must be message ids such as", id="no message id"),
        pytest.param({"References": "<a@b>\n<c@d>"}, "References: must be one line", id="line break"),
        pytest.param({"Auto-Submitted": "maybe"}, "Auto-Submitted: must be no, auto-generated", id="other word"),
        pytest.param({"Importance": "urgent"}, "Importance: must be low, normal or high", id="other importance"),
        pytest.param({"X-A": "a", "x-a": "b"}, "x-a: is there twice", id="twice"),
        pytest.param({"X-A": "a" * 501}, "X-A: has more than 500 characters", id="long"),
        pytest.param({"References": f"<{'a' * 2000}@b>"}, "References: has more than 2000 characters", id="long id"),
    ],
)
async def test_rejected(shared_api: Api, shared_postfix: FakePostfix, headers: dict[str, str], problem: str) -> None:
    """Any other header or value is rejected, with what it must be."""
    response = await shared_api.send(headers_=headers)
    assert (response.status_code, shared_postfix.commands) == (400, [])
    assert response.json()["message"].startswith(f"headers.{problem}")
