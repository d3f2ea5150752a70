"""Injection of headers, recipients or commands through any field."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

HEADERS = {"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Traceparent"}
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
    "<a@mydomain.test",
    "<a@mydomain.test> <b@evil.test>",
    "<a@mydomain.test>, b@evil.test",
    "mailto:a@mydomain.test,b@evil.test",
    "mailto:a@mydomain.test%0aBcc:b@evil.test",
    '"a"..b@evil.test"@docomo.ne.jp',
    "Anna, b@evil.test <a@mydomain.test>",
    '"Anna\nBcc: b@evil.test" <a@mydomain.test>',
    '"Anna\\\nBcc: b@evil.test" <a@mydomain.test>',
    "Anna <a@mydomain.test> <b@evil.test>",
    '"a\\"@evil.test"@mydomain.test',
    "a@evil.test@mydomain.test",
    "a%evil.test@mydomain.test\n",
    "a@mydomain.test\0",
    "a@mydomain\ud800.test",
    "@evil.test:a@mydomain.test",
    "a@[127.0.0.1]",
]


@SHARED
@pytest.mark.parametrize("field", ["subject", "to", "from_"])
@pytest.mark.parametrize("value", TRICKS, ids=ascii)
async def test_control_characters(shared_api: Api, shared_postfix: FakePostfix, field: str, value: str) -> None:
    """A line break or control character in a header field is answered 400 with the field's name; nothing is sent."""
    response = await _send(shared_api, {field: value})
    assert (response[0], shared_postfix.commands) == (400, [])
    assert response[1].startswith(f"{field.rstrip('_')}: ")


@SHARED
@pytest.mark.parametrize("field", ["to", "from_"])
@pytest.mark.parametrize("value", ADDRESS_TRICKS, ids=ascii)
async def test_address_tricks(shared_api: Api, shared_postfix: FakePostfix, field: str, value: str) -> None:
    """An address field accepts one bare address only."""
    response = await _send(shared_api, {field: value})
    assert (response[0], shared_postfix.commands) == (400, [])
    assert response[1].startswith(f"{field.rstrip('_')}: ")


@SHARED
async def test_body_cannot_end_the_message(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Dots, commands and bare line ends in a body are content."""
    body = "a\r\n.\r\nMAIL FROM:<b@evil.test>\n.\nb\r.\rc\r\n..\r\n"
    assert (await _send(shared_api, {"body": body}))[0] == 200
    (mail,) = shared_postfix.mails
    assert shared_postfix.commands[-1] == "CONTENT"
    content = message_from_bytes(mail.content, policy=SMTP).get_content().replace("\r\n", "\n")
    assert content == "a\n.\nMAIL FROM:<b@evil.test>\n.\nb\n.\nc\n..\n"


_pieces = st.one_of(
    st.text(max_size=20), st.sampled_from([*TRICKS, *ADDRESS_TRICKS, "hello@mydomain.test", "\r\n", ".", ",", "<p>"])
)
_text = st.lists(_pieces, max_size=3).map("".join)
_value = st.one_of(_pieces, _text, st.none(), st.integers(), st.booleans(), st.floats(allow_nan=True))
_address = st.one_of(st.just("hello@mydomain.test"), _value, st.fixed_dictionaries({"email": _value, "name": _value}))
_addresses = st.one_of(_address, st.lists(_address, max_size=3))
_object = st.dictionaries(st.one_of(st.just("X-A"), st.just("a"), _text), st.one_of(st.just("b"), _value), max_size=2)
_file = st.fixed_dictionaries(
    {"content": st.one_of(st.just("YQ=="), _value), "name": _value}, optional={"type": _value}
)
_request = st.fixed_dictionaries(
    {"to": _addresses, "subject": _value},
    optional={
        **dict.fromkeys(("cc", "bcc"), _addresses),
        **dict.fromkeys(("from_", "reply_to"), _address),
        **dict.fromkeys(("body", "text", "html", "from_name", "form_opened_at", "redirect"), _value),
        **dict.fromkeys(("headers_", "metadata"), st.one_of(_object, _value)),
        "attachments": st.one_of(st.lists(st.one_of(_file, _value), max_size=2), _value),
    },
)
_ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.slow
@_ANY
@given(fields=_request)
async def test_fuzz(api: Api, postfix: FakePostfix, fields: dict[str, Any]) -> None:
    """With any fields there is no 5xx, no recipient that is not allowed, and no additional header."""
    postfix.mails.clear()
    status, _ = await _send(api, fields)
    assert status in {200, 400, 403, 429}
    assert len(postfix.mails) == (status == 200)
    for mail in postfix.mails:
        assert [one for one in mail.recipients if not one.endswith("@mydomain.test")] == []
        found = message_from_bytes(mail.content)
        assert {name for name in found.keys() if not name.startswith("X-")} <= HEADERS | CONTENT_HEADERS  # noqa: SIM118
        assert len([part for part in found.walk() if part.get_filename()]) <= 2


_MEDIA_TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a")


@pytest.mark.slow
@_ANY
@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(st.sampled_from([b"--a", b"\r\n", b'Content-Disposition: form-data; name="to"', b"; filename=x", b"--",
                                  b"hello@mydomain.test", b"a=%", b"&", b"=", b"\xff", b"Content-Type: x", b":"]),
                 max_size=30).map(b"".join),
    ),
    media_type=st.sampled_from(_MEDIA_TYPES),
)  # fmt: skip
async def test_fuzz_bodies(api: Api, postfix: FakePostfix, content: bytes, media_type: str) -> None:
    """A body of random bytes with any media type is answered 400."""
    response = await api.client.post("/send", content=content, headers={"Content-Type": media_type})
    assert (response.status_code, postfix.mails) == (400, [])


async def _send(api: Api, fields: dict[str, Any]) -> tuple[int, str]:
    response = await api.send(**fields)
    return response.status_code, response.json()["message"]
