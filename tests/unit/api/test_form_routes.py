"""POST /forms/NAME: plain HTML forms whose file sets recipient, templates and pages."""

from __future__ import annotations

import time
from email import message_from_bytes
from email.policy import SMTP
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import pytest

from mail_api.error_codes import RESULTS
from mail_api.form_mail import one_line_of, subject_line
from tests.unit.api.conftest import SHARED
from tests.unit.api.test_extra_fields import text_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from email.message import EmailMessage
    from pathlib import Path

    import httpx2

    from mail_ledger.api_keys import ApiKeys
    from tests.unit.api.conftest import Api, StartApi
    from tests.unit.api.fake_postfix import FakePostfix

    FolderOf = Callable[[str], Path]
    StartForm = Callable[..., Awaitable[Api]]

CONTACT: Final = """
to = "owner@elsewhere.test"
subject = "Contact form: {{ topic }}"
reply_to = "email"
reply_to_name = "name"
required = ["name", "email", "message"]
origins = ["shop.test"]

[labels]
name = "Your name"
email = "Your e-mail address"
message = "Your message"

[confirmation]
title = "Got it"
text = "We answer within two days."
"""
FIELDS: Final = {
    "name": "Lee, Anna",
    "email": "anna@visitor.test",
    "topic": "An offer",
    "phone": "+49 170 0000000",
    "message": "Hello\nphone: 666",
}
BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Origin": "https://mydomain.test"}
URLENCODED: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """Return a function that returns the folder of the form `contact` with this text."""

    @cache
    def folder_of(text: str) -> Path:
        folder = tmp_path_factory.mktemp("forms")
        (folder / "contact.toml").write_text(text, encoding="utf-8")
        return folder

    return folder_of


def with_form(start: StartApi, folder_of: FolderOf) -> StartForm:
    """Return a function that starts an API with the form `contact` of this text."""

    async def start_form(text: str = CONTACT, **changed: object) -> Api:
        return await start(forms_path=folder_of(text), **changed)

    return start_form


@pytest.fixture
def start_form(start_api: StartApi, folder_of: FolderOf) -> StartForm:
    """Return a function that starts an API of the test with this form."""
    return with_form(start_api, folder_of)


@pytest.fixture
def shared_form(start_shared: StartApi, folder_of: FolderOf) -> StartForm:
    """Return a function that returns a shared API with this form."""
    return with_form(start_shared, folder_of)


async def post(
    api: Api, fields: Mapping[str, object], headers: Mapping[str, str] = BROWSER, path: str = "/forms/contact"
) -> httpx2.Response:
    """Post an URL-encoded form."""
    return await api.client.post(path, content=urlencode(fields, doseq=True), headers=URLENCODED | dict(headers))


def received(postfix: FakePostfix) -> EmailMessage:
    """Return the one mail that arrived."""
    (mail,) = postfix.mails
    return message_from_bytes(mail.content, policy=SMTP)


@SHARED
async def test_plain_form(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """A form without `to` and without script reaches the file's recipient, with every field under its label."""
    response = await post(await shared_form(), FIELDS)
    assert response.status_code == 200
    assert "<h1>Got it</h1>" in response.text
    assert "We answer within two days." in response.text
    mail = received(shared_postfix)
    assert shared_postfix.mails[0].recipients == ["owner@elsewhere.test"]
    assert shared_postfix.mails[0].sender == "noreply@mydomain.test"
    assert (mail["Subject"], mail["Reply-To"]) == ("Contact form: An offer", '"Lee, Anna" <anna@visitor.test>')
    assert text_of(shared_postfix) == (
        "Your name: Lee, Anna\nYour e-mail address: anna@visitor.test\ntopic: An offer\nphone: +49 170 0000000\n"
        "Your message:\n    Hello\n    phone: 666\n"
    )


async def test_templates(start_form: StartForm, postfix: FakePostfix) -> None:
    """Body and HTML come from their templates; fields that one of them does not show are appended to both."""
    html = 'html = "<p>{{ message }}</p><b>{{ phone }}</b>"'
    api = await start_form(f'body = "{{{{ name }}}} writes: {{{{ message }}}}"\n{html}\n{CONTACT}')
    await post(api, FIELDS | {"message": "<script>alert(1)</script>", "company": '"><img src=x onerror=alert(1)>'})
    text, markup = text_of(postfix), text_of(postfix, "html")
    assert text.startswith("Lee, Anna writes: <script>alert(1)</script>\n\nYour name: Lee, Anna\n")
    assert "phone: +49 170 0000000\ncompany: " in text
    assert "Your message:" not in text
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p><b>+49 170 0000000</b>" in markup
    assert "&lt;img src=x" in markup
    assert "<img" not in markup
    assert "<script" not in markup


async def test_blank_template(start_form: StartForm, postfix: FakePostfix) -> None:
    """Where the templates make nothing of the fields, the mail lists them."""
    api = await start_form('to = "owner@elsewhere.test"\nbody = "{% if message %}{{ message }}{% endif %}"')
    await post(api, {"name": "Anna", "message": ""})
    assert text_of(postfix) == "name: Anna\nmessage:\n"
    assert received(postfix)["Subject"] == "Message from the website"


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("Hi\r\nBcc: victim@x.test", "Contact form: Hi Bcc: victim@x.test"),
        ("Hi\u2028Bcc: x\x00\x85", "Contact form: Hi Bcc: x"),
        ("", "Contact form:"),
        ("{{ 7 * 7 }}{% raw %}", "Contact form: {{ 7 * 7 }}{% raw %}"),
        ("=?utf-8?q?=0D=0ABcc:_x?=", "Contact form: =?utf-8?q?=0D=0ABcc:_x?="),
    ],
    ids=["CRLF", "separators", "empty", "template", "encoded word"],
)
def test_subject(topic: str, expected: str) -> None:
    """A subject is one line, whatever a field holds."""
    assert subject_line(f"Contact form: {topic}") == expected


def test_long_subject() -> None:
    """A long subject is cut; joined emoji stay whole, and marks of text direction are removed."""
    assert len(subject_line("x" * 1000)) == 500
    assert one_line_of("👩‍👧 a\u202eb") == "👩‍👧 ab"


@SHARED
@pytest.mark.parametrize("field", ["topic", "name"])
async def test_header_injection(shared_form: StartForm, shared_postfix: FakePostfix, field: str) -> None:
    """A line break in a field adds no header and no recipient."""
    injected = "x\r\nBcc: victim@x.test\r\nX-Injected: yes\r\n\r\n<b>body</b>"
    response = await post(await shared_form(), FIELDS | {field: injected})
    assert response.status_code == 200
    mail = received(shared_postfix)
    assert (mail["Bcc"], mail["X-Injected"]) == (None, None)
    assert shared_postfix.mails[0].recipients == ["owner@elsewhere.test"]


@SHARED
async def test_injection_into_reply_to(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """An address with a line break is refused, under its label."""
    response = await post(await shared_form(), FIELDS | {"email": "a@x.test\r\nBcc: victim@x.test"})
    assert (response.status_code, shared_postfix.mails) == (400, [])
    assert "<li>Your e-mail address: must be one line" in response.text


async def test_template_injection(start_form: StartForm, postfix: FakePostfix) -> None:
    """Template syntax in a name or a value is text."""
    api = await start_form(f'body = "{{{{ message }}}}"\n{CONTACT}')
    evil = "{{ ''.__class__.__mro__ }}{% for x in fields %}{% endfor %}"
    assert (await post(api, FIELDS | {"message": evil, evil: evil})).status_code == 200
    assert text_of(postfix).startswith(f"{evil}\n\n")
    assert f"{evil}: {evil}\n" in text_of(postfix)


@SHARED
async def test_fields_choose_nothing(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """Fields with the names of the API's own are ordinary fields: no recipient, sender, subject or template."""
    chosen = {"to": "x@x.test", "cc": "x@x.test", "bcc": "x@x.test", "from": "x@x.test", "subject": "x", "html": "<p>"}
    more = {"reply_to": "x@x.test", "headers": "X-A: b", "body": "{{ x }}", "text": "t", "fields": "f", "form": "other"}
    assert (await post(await shared_form(), FIELDS | chosen | more)).status_code == 200
    mail = received(shared_postfix)
    assert shared_postfix.mails[0].recipients == ["owner@elsewhere.test"]
    assert shared_postfix.mails[0].sender == "noreply@mydomain.test"
    assert (mail["To"], mail["Cc"], mail["X-A"]) == ("owner@elsewhere.test", None, None)
    assert mail["Subject"] == "Contact form: An offer"
    assert mail["Reply-To"] == '"Lee, Anna" <anna@visitor.test>'
    assert mail.get_content_type() == "text/plain"
    listed = text_of(shared_postfix).splitlines()
    assert [f"{name}: {value}" for name, value in {**chosen, **more}.items() if f"{name}: {value}" not in listed] == []


async def test_error_page(start_form: StartForm, postfix: FakePostfix) -> None:
    """The error page names each field by its label, as text."""
    api = await start_form(CONTACT.replace("Your message", "Your <i>message</i>"))
    response = await post(api, {"email": "anna@visitor", "message": " ", "name": "Anna"})
    assert (response.status_code, response.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "<li>Your &lt;i&gt;message&lt;/i&gt;: is required</li>" in response.text
    assert "<li>Your e-mail address: The part after the @-sign is not valid" in response.text
    assert postfix.mails == []


@SHARED
async def test_error_in_json(shared_form: StartForm) -> None:
    """A script gets the names of the fields, to mark them."""
    response = await post(await shared_form(), {"name": "Anna"}, {"Accept": "application/json"})
    assert response.status_code == 400
    assert response.json()["errors"] == {"email": "is required", "message": "is required"}


async def test_empty_form(start_form: StartForm) -> None:
    """A request without any field says so."""
    response = await post(await start_form('to = "a@x.test"'), {"hp_url": ""}, {})
    assert (response.status_code, response.json()["errors"]) == (400, {"request": "has no field that is filled in"})


@SHARED
async def test_json(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """A script may send JSON; tags and files are those of /send."""
    more = {"adult": True, "topics": ["a", 1], "fax": None, "metadata": {"page": "home"}}
    attachment = {"attachments": [{"name": "a.txt", "content": "eA=="}]}
    response = await (await shared_form()).client.post("/forms/contact", json=FIELDS | more | attachment)
    assert (response.status_code, response.json()["code"]) == (200, "accepted")
    text = next(iter(received(shared_postfix).iter_parts())).get_content()
    assert "adult: true\r\ntopics: a, 1\r\n" in text
    assert "fax" not in text
    assert [part.get_filename() for part in received(shared_postfix).iter_attachments()] == ["a.txt"]


@SHARED
async def test_multipart(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """A form may have files."""
    files = [("cv", ("cv.pdf", b"%PDF", "application/pdf"))]
    response = await (await shared_form()).client.post("/forms/contact", data=FIELDS, files=files, headers=BROWSER)
    assert response.status_code == 200, response.text
    assert [part.get_filename() for part in received(shared_postfix).iter_attachments()] == ["cv.pdf"]


@SHARED
@pytest.mark.parametrize(
    ("headers", "status"), [(BROWSER, 303), ({"Accept": "application/json"}, 200)], ids=["browser", "script"]
)
@pytest.mark.parametrize("field", ["", "https://www.mydomain.test/other"], ids=["of the file", "of the request"])
async def test_redirect(shared_form: StartForm, headers: dict[str, str], status: int, field: str) -> None:
    """A browser comes to the file's page, or to the one that the request names; a script gets JSON."""
    api = await shared_form('to = "a@x.test"\n[confirmation]\nredirect = "https://elsewhere.test/thanks"')
    response = await post(api, {"a": "b", "redirect": field}, headers)
    assert response.status_code == status
    expected = (field or "https://elsewhere.test/thanks") if status == 303 else None
    assert response.headers.get("Location") == expected


@SHARED
async def test_foreign_redirect(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """A request cannot name a page elsewhere."""
    response = await post(await shared_form(), FIELDS | {"redirect": "https://evil.test/"})
    assert (response.status_code, shared_postfix.mails) == (403, [])


@SHARED
@pytest.mark.parametrize(
    ("origin", "path", "allowed"),
    [
        ("https://mydomain.test", "/forms/contact", True),
        ("https://shop.test", "/forms/contact", True),
        ("https://evil.test", "/forms/contact", False),
        ("null", "/forms/contact", False),
        ("https://shop.test", "/send", False),
    ],
)
async def test_origins(shared_form: StartForm, origin: str, path: str, *, allowed: bool) -> None:
    """A form's sites are allowed in addition to ALLOWED_HOSTS, and for this form only; CORS follows."""
    api = await shared_form()
    mail = FIELDS | {"to": "hello@mydomain.test", "subject": "Hi", "body": "Hi"}
    headers = {"Origin": origin, "Accept": "application/json"}
    response = await post(api, mail, headers, path)
    assert response.status_code == (200 if allowed else 403)
    assert (response.headers.get("Access-Control-Allow-Origin") == origin) is allowed
    preflight = await api.client.options(path, headers=headers | {"Access-Control-Request-Method": "POST"})
    assert preflight.status_code == (200 if allowed else 403)


@pytest.mark.parametrize("name", ["nothing", "Contact", "contact/", "..%2Fcontact", "contact.toml"])
async def test_unknown_form(start_form: StartForm, postfix: FakePostfix, name: str) -> None:
    """An unknown form is an unknown path, in the answer and in metrics."""
    api = await start_form()
    page = await post(api, FIELDS, path=f"/forms/{name}")
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is no form of this name" in page.text
    response = await post(api, FIELDS, {}, path=f"/forms/{name}")
    assert (response.status_code, response.json()["code"], postfix.mails) == (404, "not_found", [])
    labels = {sample.labels.get("handler") for family in api.registry.collect() for sample in family.samples}
    assert labels - {None, "none"} == set()


async def test_without_files(api: Api) -> None:
    """Without any form file there is no such path."""
    assert (await post(api, FIELDS, {})).status_code == 404


@SHARED
async def test_other_method(shared_form: StartForm) -> None:
    """A form is posted."""
    response = await (await shared_form()).client.get("/forms/contact")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")


async def test_honeypot(start_form: StartForm, postfix: FakePostfix) -> None:
    """A program that fills the honeypot gets the page of a success, and nothing is sent."""
    api = await start_form()
    caught = await post(api, FIELDS | {"hp_url": "http://spam.test"})
    real = await post(api, FIELDS)
    assert (caught.status_code, caught.text) == (real.status_code, real.text)
    assert len(postfix.mails) == 1
    assert api.metric("mail_api_form_messages_total", form="contact", result="honeypot") == 1


async def test_release_of_a_caught_form(start_form: StartForm, postfix: FakePostfix, keys: ApiKeys) -> None:
    """A caught mail of a form can be released, although its recipient is allowed by the form's file only."""
    api = await start_form()
    await post(api, FIELDS | {"hp_url": "https://anna.example"})
    header = {"Authorization": f"Bearer {keys.create('release', may_release=True)}"}
    (waiting,) = (await api.client.get("/messages", params={"state": "caught"}, headers=header)).json()["messages"]
    response = await api.client.post(f"/messages/{waiting['id']}/release", headers=header)
    assert (response.status_code, response.json()["code"]) == (200, "accepted")
    assert [mail.recipients for mail in postfix.mails] == [["owner@elsewhere.test"]]


@SHARED
async def test_too_fast(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """The time of opening is checked as for /send, and the page says when to try again."""
    response = await post(await shared_form(), FIELDS | {"form_opened_at": str(time.time())})
    assert (response.status_code, shared_postfix.mails) == (429, [])
    assert "sent very soon after it was opened" in response.text


async def test_rate_limit(start_form: StartForm) -> None:
    """The rate limit is the same as for /send, and counts both together."""
    api = await start_form(rate_limit="2/minute")
    assert (await api.send()).status_code == 200
    assert (await post(api, FIELDS)).status_code == 200
    limited = await post(api, FIELDS)
    assert limited.status_code == 429
    assert "Too many requests from this address" in limited.text
    assert "Retry-After" in limited.headers


@SHARED
async def test_idempotency(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """A repetition sends nothing twice; the same key with other fields is a conflict."""
    api, header = await shared_form(), {"Idempotency-Key": "one"}
    first, again = await post(api, FIELDS, header), await post(api, FIELDS, header)
    other = await post(api, FIELDS | {"phone": "1"}, header)
    assert (first.json()["id"], again.headers["Idempotent-Replayed"]) == (again.json()["id"], "true")
    assert (other.status_code, len(shared_postfix.mails)) == (409, 1)


async def test_default_to(start_form: StartForm, postfix: FakePostfix) -> None:
    """A file without `to` has DEFAULT_TO."""
    api = await start_form('subject = "Hi"', default_to="me@elsewhere.test")
    assert (await post(api, {"a": "b"})).status_code == 200
    assert postfix.mails[0].recipients == ["me@elsewhere.test"]


@SHARED
async def test_recipient_is_allowed_for_the_form_only(shared_form: StartForm, shared_postfix: FakePostfix) -> None:
    """The file's recipient needs no place in ALLOWED_RECIPIENTS, and /send still refuses it."""
    api = await shared_form()
    assert (await api.send(to="owner@elsewhere.test")).status_code == 403
    assert (await post(api, FIELDS)).status_code == 200
    assert len(shared_postfix.mails) == 1


@SHARED
async def test_key(shared_form: StartForm, shared_postfix: FakePostfix, shared_keys: ApiKeys) -> None:
    """With an API key a program may send a form too, from anywhere; the sender stays that of the settings."""
    header = {"Authorization": f"Bearer {shared_keys.create('shop', allowed_senders=['shop@mydomain.test'])}"}
    assert (await post(await shared_form(), FIELDS, header | {"Origin": "https://evil.test"})).status_code == 200
    assert shared_postfix.mails[0].sender == "noreply@mydomain.test"


async def test_key_that_is_not_valid(start_form: StartForm) -> None:
    """A wrong key is refused and counted under the form's path."""
    api = await start_form()
    assert api.metric("mail_api_invalid_keys_total", path="/forms/contact") == 0
    assert (await post(api, FIELDS, {"Authorization": "Bearer dm_x"})).status_code == 401
    assert api.metric("mail_api_invalid_keys_total", path="/forms/contact") == 1


async def test_telemetry(start_form: StartForm) -> None:
    """Metrics, log line, span and tags have the form's name."""
    api = await start_form()
    for result in RESULTS:
        assert api.metric("mail_api_form_messages_total", form="contact", result=result) == 0
    await post(api, FIELDS)
    await post(api, {})
    assert api.metric("mail_api_form_messages_total", form="contact", result="accepted") == 1
    assert api.metric("mail_api_form_messages_total", form="contact", result="invalid_request") == 1
    assert api.metric("mail_api_messages_total", result="accepted") == 1
    assert api.metric("http_requests_total", handler="/forms/contact", method="POST", status="2xx") == 1
    (line,) = api.log("mail accepted")
    assert (line["mail.form"], line["mail.metadata"]) == ("contact", {"form": "contact"})
    assert line["http.route"] == "/forms/contact"
    assert [line["mail.form"] for line in api.log("mail not accepted")] == ["contact"]
    (submit,) = (span for span in api.spans() if span.name == "smtp submit")
    assert (submit.attributes or {})["mail.form"] == "contact"
    assert "POST /forms/contact" in {span.name for span in api.spans()}


async def test_openapi(start_form: StartForm) -> None:
    """OpenAPI has a path for the form, with its fields."""
    described = (await (await start_form(api_docs=True)).client.get("/openapi.json")).json()
    operation = described["paths"]["/forms/contact"]["post"]
    content = operation["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-www-form-urlencoded", "multipart/form-data"}
    for media_type in content.values():
        assert media_type["schema"]["required"] == ["name", "email", "message"]
        assert media_type["schema"]["properties"]["email"]["title"] == "Your e-mail address"
    assert "403" in operation["responses"]
    assert (operation["summary"], operation["tags"]) == ("Send the form contact", ["Send"])


async def test_quota(start_form: StartForm, postfix: FakePostfix) -> None:
    """A form's mail counts against the relay's limit, and is refused without room."""
    api = await start_form(smtp_relay_daily_limit=2, quota_reserve=0)
    assert (await api.send()).status_code == 200
    assert (await post(api, FIELDS)).status_code == 200
    refused = await post(api, FIELDS, {})
    assert (refused.status_code, refused.json()["code"], len(postfix.mails)) == (429, "quota_exhausted", 2)


async def test_international_address(start_form: StartForm, postfix: FakePostfix) -> None:
    """A visitor's address with other letters than ASCII is refused where the mail server does not take it."""
    response = await post(await start_form(), FIELDS | {"email": "jürgen@visitor.test"}, {})
    assert (response.status_code, response.json()["code"]) == (400, "international_address")
    assert postfix.mails == []
