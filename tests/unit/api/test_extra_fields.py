"""Extra fields: which fields of a request are appended to the mail, and how they look there."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import SMTP
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from mail_api.captcha import TOKEN_FIELDS
from mail_api.errors import InvalidRequest
from mail_api.extra_fields import as_table, as_text, parse_extra_fields, with_fields
from mail_api.form_fields import SortedFields, sort_fields
from mail_api.schemas import parse_send_request
from mail_api.submissions import Idempotency
from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from email.message import EmailMessage

    import httpx2

    from mail_ledger.api_keys import ApiKeys
    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix

MAIL = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


async def post(api: Api, headers: dict[str, str] | None = None, **fields: object) -> httpx2.Response:
    """Post an URL-encoded form with these fields in addition."""
    content = urlencode({**MAIL, **fields}, doseq=True)
    return await api.client.post("/send", content=content, headers=URLENCODED | (headers or {}))


def received(postfix: FakePostfix) -> EmailMessage:
    """Return the one mail that arrived."""
    (mail,) = postfix.mails
    return message_from_bytes(mail.content, policy=SMTP)


def text_of(postfix: FakePostfix, subtype: str = "plain") -> str:
    """Return the plain text, or the HTML, of the one mail that arrived."""
    part = received(postfix).get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def pairs(**fields: object) -> tuple[tuple[str, str], ...]:
    """Return these fields as extra fields."""
    return parse_extra_fields(fields.items())


def test_text() -> None:
    """Each field has a line; the lines of a longer value are indented, so that none of them looks like a field."""
    fields = pairs(phone="+49170", address="1 Main Street\r\nphone: 666\u2028fax: 1", company="")
    assert as_text(fields) == "phone: +49170\naddress:\n    1 Main Street\n    phone: 666\n    fax: 1\ncompany:"


def test_table() -> None:
    """The table has names and values escaped."""
    table = as_table((('<img src=x onerror="alert(1)">', "</td><script>alert(1)</script>"),))
    assert "<img" not in table
    assert "<script" not in table
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in table


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "x"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (2.5, "2.5"),
        (["a", 1, True, None], "a, 1, true"),
        ([], ""),
    ],
    ids=str,
)
def test_values(value: object, expected: str) -> None:
    """Values become text; a list becomes one line."""
    assert pairs(x=value) == (("x", expected),)


def test_null_is_absent() -> None:
    """A field with null is left out."""
    assert pairs(a=None, b="1") == (("b", "1"),)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        pytest.param("x", {"a": 1}, "must be a string, a number", id="object"),
        pytest.param("x", [["a"]], "must be a string, a number", id="list in a list"),
        pytest.param("x", "a" * 20_001, "is longer than 20000 characters", id="long value"),
        pytest.param("x", "a\0", "NUL", id="NUL"),
        pytest.param("x", "\ud800", "not valid Unicode", id="surrogate"),
        pytest.param("x" * 101, "a", "has a name of more than 100 characters", id="long name"),
        pytest.param("a\nb: c", "a", "line break", id="line break in a name"),
        pytest.param(" ", "a", "empty name", id="blank name"),
    ],
)
def test_unusable(name: str, value: object, problem: str) -> None:
    """A field that cannot be used is an error under its name."""
    with pytest.raises(InvalidRequest) as raised:
        parse_extra_fields([(name, value)])
    ((field, words),) = raised.value.problems
    assert (field, problem in words) == (name[:60], True)


def test_too_many() -> None:
    """There is a limit for the number of fields."""
    with pytest.raises(InvalidRequest, match="more than 100"):
        parse_extra_fields((str(number), "x") for number in range(101))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("<p>Hi</p>", "<p>Hi</p>\n{}\n", id="fragment"),
        pytest.param(
            "<html><body><pre></body></pre>x</BODY ></html>",
            "<html><body><pre></body></pre>x\n{}\n</BODY ></html>",
            id="document",
        ),
    ],
)
def test_place_in_html(markup: str, expected: str) -> None:
    """The table is at the end of the body."""
    fields = pairs(phone="1")
    assert with_fields("Hi", markup, fields) == ("Hi\n\nphone: 1\n", expected.format(as_table(fields)))


def test_without_fields() -> None:
    """Without fields nothing changes."""
    assert with_fields("Hi \n", "<p>", ()) == ("Hi \n", "<p>")


@SHARED
async def test_form(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Fields that are not the API's own are appended below the text, in the order of the form."""
    response = await post(
        shared_api, phone="+49170000000", company="ACME", interests=["a", "b"], note="one\ntwo", fax=""
    )
    assert response.json().keys() == {"success", "message", "code", "id", "status_url"}
    expected = "Hi\n\nphone: +49170000000\ncompany: ACME\ninterests: a, b\nnote:\n    one\n    two\nfax:\n"
    assert text_of(shared_postfix) == expected


@SHARED
async def test_multipart_form(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A multipart form has the same, besides its files."""
    files = [("photo", ("a.txt", b"x", "text/plain"))]
    await shared_api.client.post("/send", data={**MAIL, "phone": "1"}, files=files)
    assert text_of(shared_postfix) == "Hi\n\nphone: 1\n"
    assert [part.get_filename() for part in received(shared_postfix).iter_attachments()] == ["a.txt"]


@SHARED
async def test_html_form(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """An HTML mail has the fields in both parts, escaped in the HTML."""
    await post(shared_api, html="on", body="<p>Hi</p>", company="<script>alert(1)</script>")
    assert "company: <script>alert(1)</script>" in text_of(shared_postfix)
    assert "<td" in text_of(shared_postfix, "html")
    assert "<script>" not in text_of(shared_postfix, "html")


@SHARED
async def test_left_out(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """What protects or steers a form is no part of the mail, and is not reported as ignored."""
    hidden = dict.fromkeys([*TOKEN_FIELDS, "_next", "_charset_", "hp_url", "form_opened_at", "metadata.form"], "")
    tokens = dict.fromkeys([*TOKEN_FIELDS, "_next"], "token")
    redirect = "https://mydomain.test/thanks"
    response = await post(shared_api, {"Accept": "application/json"}, **{**hidden, **tokens, "redirect": redirect})
    assert "ignored" not in response.json()
    assert text_of(shared_postfix).strip() == "Hi"


def test_other_honeypots() -> None:
    """Several honeypot fields are left out."""
    found = sort_fields({"trap": "", "trap2": "", "x": "1"}, ("trap", "trap2"), is_form=True, is_automatic=True)
    assert found == SortedFields({}, (("x", "1"),), ())


@SHARED
async def test_json(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """JSON has the same in `fields`."""
    response = await shared_api.send(fields={"phone": "1", "adult": True, "topics": ["a", 2], "fax": None})
    assert response.status_code == 200
    assert text_of(shared_postfix) == "Hi\n\nphone: 1\nadult: true\ntopics: a, 2\n"


@SHARED
@pytest.mark.parametrize("empty", [None, "", {}], ids=str)
async def test_no_fields(shared_api: Api, shared_postfix: FakePostfix, empty: object) -> None:
    """Empty `fields` change nothing."""
    assert (await shared_api.send(fields=empty)).status_code == 200
    assert text_of(shared_postfix).strip() == "Hi"


@SHARED
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("x", "must be an object"),
        ([], "must be an object"),
        ({"a": {}}, "a: must be a string"),
        ({"a\r\nBcc": "x"}, "a\r\nBcc: has a name"),
        ({"a": "x" * 20_001}, "a: is longer"),
    ],
    ids=["text", "list", "object", "line break", "long"],
)
async def test_bad_json(shared_api: Api, shared_postfix: FakePostfix, fields: object, problem: str) -> None:
    """Unusable `fields` are refused, and the error names the field."""
    response = await shared_api.send(fields=fields)
    assert (response.status_code, response.json()["code"], shared_postfix.mails) == (400, "invalid_request", [])
    assert problem in response.json()["errors"]["fields"]


@SHARED
async def test_bad_field_of_a_form(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A field of a form that is too long is refused under its own name."""
    response = await post(shared_api, phone="1" * 20_001)
    assert (response.status_code, shared_postfix.mails) == (400, [])
    assert response.json()["errors"] == {"phone": "is longer than 20000 characters"}


@SHARED
async def test_ignored_json(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """JSON's other unknown fields are not part of the mail, and the answer names them."""
    response = await shared_api.send(phone="1", csrf="x", hp_url="", fax=None)
    assert response.json()["ignored"] == ["phone", "csrf"]
    assert text_of(shared_postfix).strip() == "Hi"


@SHARED
async def test_caught_program_reads_the_same(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """The answer to a filled honeypot names ignored fields too: nothing in it shows that nothing was sent."""
    real, caught = await shared_api.send(phone="1"), await shared_api.send(phone="1", hp_url="x")
    assert caught.json().keys() == real.json().keys()
    assert len(shared_postfix.mails) == 1


@SHARED
async def test_key(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """With an API key, which can write to anyone, only fields that are named as such are part of the mail."""
    header = {"Authorization": f"Bearer {shared_keys.create('shop')}"}
    response = await post(shared_api, header, to="a@elsewhere.test", note="internal", **{"fields.phone": "1"})
    assert response.json()["ignored"] == ["note"]
    assert text_of(shared_postfix) == "Hi\n\nphone: 1\n"


@SHARED
async def test_key_json(shared_api: Api, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """With an API key, JSON's `fields` are part of the mail, whoever it goes to."""
    header = {"Authorization": f"Bearer {shared_keys.create('shop')}"}
    assert (await shared_api.send(header, to="a@elsewhere.test", fields={"phone": "1"})).status_code == 200
    assert text_of(shared_postfix) == "Hi\n\nphone: 1\n"


async def test_off(start_api: StartApi, postfix: FakePostfix) -> None:
    """APPEND_FORM_FIELDS=false leaves unknown fields out, and the answer names them; explicit ones are appended."""
    api = await start_api(append_form_fields=False)
    response = await post(api, None, phone="1", **{"fields.company": "ACME"})
    assert response.json()["ignored"] == ["phone"]
    assert text_of(postfix) == "Hi\n\ncompany: ACME\n"


@SHARED
async def test_field_named_fields(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """A form may have a field that is called `fields`."""
    assert (await post(shared_api, None, fields="x", **{"fields.": "y"})).status_code == 200
    assert text_of(shared_postfix) == "Hi\n\nfields: x\nfields.: y\n"


@SHARED
@pytest.mark.parametrize("second", [{"phone": "1"}, {"phone": "2"}], ids=["same", "other"])
async def test_idempotency(shared_api: Api, shared_postfix: FakePostfix, second: dict[str, Any]) -> None:
    """The fields are part of what makes two requests the same."""
    header = {"Idempotency-Key": "one"}
    assert (await post(shared_api, header, phone="1")).status_code == 200
    repeated = await post(shared_api, header, **second)
    assert repeated.status_code == (200 if second["phone"] == "1" else 409)
    assert len(shared_postfix.mails) == 1


def test_hash_without_fields() -> None:
    """A request without extra fields has the hash that it had before there were any: its repetition is recognised."""
    found = Idempotency.of("key", None, parse_send_request(MAIL, 0, 0))
    assert found is not None
    assert found.payload_hash == "dd4f48313ba0ad7151d113f7e47fcd2c3de972929db9cb32765944463a15376f"
