"""Attempts to smuggle a header, a recipient or a command through any field."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

HEADERS = {"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Traceparent", "MIME-Version"}
CONTENT_HEADERS = {"Content-Type", "Content-Transfer-Encoding"}
TRICKS = [
    "a\nBcc: b@evil.test",
    "a\r\nBcc: b@evil.test",
    "a\rBcc: b@evil.test",
    "a\r\n\r\nbody",
    "a\n",
    "\na",
    "a\0b",
    "a\x0bBcc: b@evil.test",
    "a\x0cb",
    "a\x1cb",
    "a\x85b",
    "a\u2028Bcc: b@evil.test",
    "a\u2029b",
    "a\ud800b",
    "a\x7fb",
    "a\tb",
]
ADDRESS_TRICKS = [
    "a@x.test\nBcc: b@evil.test",
    "a@mydomain.test\r\nRCPT TO:<b@evil.test>",
    "a@mydomain.test, b@mydomain.test",
    "a@mydomain.test;b@mydomain.test",
    "a@mydomain.test b@mydomain.test",
    "a@mydomain.test> AUTH=<",
    "<a@mydomain.test>",
    "Anna <a@mydomain.test>",
    '"a\\"@evil.test"@mydomain.test',
    "a@evil.test@mydomain.test",
    "a%evil.test@mydomain.test\n",
    "a@mydomain.test\0",
    "a@mydomain\ud800.test",
    "@evil.test:a@mydomain.test",
    "a@[127.0.0.1]",
]


@pytest.mark.parametrize("field", ["subject", "to", "from_"])
@pytest.mark.parametrize("value", TRICKS, ids=ascii)
async def test_control_characters(api: Api, postfix: FakePostfix, field: str, value: str) -> None:
    """A line break or control character in a header field is a 400 that names the field; nothing is sent."""
    response = await _send(api, {field: value})
    assert (response[0], postfix.commands) == (400, [])
    assert response[1].startswith(f"{field.rstrip('_')}: ")


@pytest.mark.parametrize("field", ["to", "from_"])
@pytest.mark.parametrize("value", ADDRESS_TRICKS, ids=ascii)
async def test_address_tricks(api: Api, postfix: FakePostfix, field: str, value: str) -> None:
    """An address field takes one bare address and nothing else."""
    response = await _send(api, {field: value})
    assert (response[0], postfix.commands) == (400, [])
    assert response[1].startswith(f"{field.rstrip('_')}: ")


async def test_body_cannot_end_the_message(api: Api, postfix: FakePostfix) -> None:
    """Dots, commands and bare line ends in a body stay its content."""
    body = "a\r\n.\r\nMAIL FROM:<b@evil.test>\n.\nb\r.\rc\r\n..\r\n"
    assert (await _send(api, {"body": body}))[0] == 200
    (mail,) = postfix.mails
    assert postfix.commands[-1] == "CONTENT"
    content = message_from_bytes(mail.content, policy=SMTP).get_content().replace("\r\n", "\n")
    assert content == "a\n.\nMAIL FROM:<b@evil.test>\n.\nb\n.\nc\n..\n"


_pieces = st.one_of(
    st.text(max_size=20), st.sampled_from([*TRICKS, *ADDRESS_TRICKS, "hello@mydomain.test", "\r\n", ".", ","])
)
_hostile = st.one_of(_pieces, st.lists(_pieces, max_size=3).map("".join), st.none(), st.integers(), st.booleans())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(to=st.one_of(st.just("hello@mydomain.test"), _hostile), subject=_hostile, from_=_hostile, body=_hostile)
async def test_fuzz(  # noqa: PLR0913, PLR0917 - two fixtures and the fields of a mail
    api: Api, postfix: FakePostfix, to: object, subject: object, from_: object, body: object
) -> None:
    """Whatever the fields hold: never a 5xx, never a second recipient, never another header."""
    postfix.mails.clear()
    status, _ = await _send(api, {"to": to, "subject": subject, "from_": from_, "body": body})
    assert status in {200, 400, 403}
    assert len(postfix.mails) == (status == 200)
    for mail in postfix.mails:
        assert [recipient.endswith("@mydomain.test") for recipient in mail.recipients] == [True]
        assert set(message_from_bytes(mail.content).keys()) <= HEADERS | CONTENT_HEADERS


async def _send(api: Api, fields: dict[str, Any]) -> tuple[int, str]:
    response = await api.send(**fields)
    return response.status_code, response.json()["message"]
