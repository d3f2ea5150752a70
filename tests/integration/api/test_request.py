"""All fields of a request, through the real Postfix to the relay."""

import base64
import os
import subprocess

import pytest

from tests.integration.stack import API, RECIPIENT, Stack, until

DATA = os.urandom(200_000)


def test_all_fields_are_delivered(stack: Stack, subject: str) -> None:
    """Names, copies, both texts, headers and attachments are delivered as they were sent."""
    request = {
        "to": [{"email": RECIPIENT, "name": 'Owner, "the"'}, "second@example.com"],
        "cc": "Zoë <third@example.com>",
        "bcc": "fourth@example.com",
        "from": "visitor@web.example",
        "from_name": "Lee, Anna",
        "subject": f"{subject} 🎉 مرحبا",
        "text": "plain " * 500,
        "html": "<p>Grüße</p>",
        "headers": {"X-Form": "contact"},
        "attachments": [{"name": "Übersicht 2026.bin", "content": base64.b64encode(DATA).decode()}],
    }
    assert stack.post(request).status_code == 200
    mail = stack.received(f"{subject} 🎉 مرحبا")
    headers = dict(mail["headers"])
    assert set(mail["recipients"]) <= {RECIPIENT, "second@example.com", "third@example.com", "fourth@example.com"}
    assert headers["Reply-To"] == '"Lee, Anna" <visitor@web.example>'
    assert headers["X-Form"] == "contact"
    assert "fourth@example.com" not in str(headers)
    assert mail["text"].strip() == ("plain " * 500).strip()
    assert mail["html"].strip() == "<p>Grüße</p>"
    (file,) = mail["attachments"]
    assert (file["filename"], file["size"]) == ("Übersicht 2026.bin", len(DATA))


def test_image_and_headers(stack: Stack, subject: str) -> None:
    """An image in the HTML, a calendar entry and headers of a newsletter pass the mail server unchanged."""
    headers = {
        "List-Unsubscribe": "<https://example.org/leave?id=" + "1" * 100 + ">, <mailto:leave@example.org>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "References": "<first@example.org> <second@example.org>",
        "Auto-Submitted": "auto-generated",
    }
    files = [
        {"name": "logo.png", "content": "data:image/png;base64,iVBORw0KGgo=", "content_id": "logo"},
        {"name": "invite.ics", "type": "text/calendar; method=REQUEST", "content": "QkVHSU46VkNBTEVOREFS"},
    ]
    markup = '<table><tr><th>Name<td>Anna</table><img src="cid:logo"><a href="https://x.example/a?b=1">Go</a>'
    request = {"to": RECIPIENT, "subject": subject, "html": markup, "headers": headers, "attachments": files}
    assert stack.post({**request, "from": "taro..yamada@docomo.ne.jp"}).status_code == 200
    mail = stack.received(subject)
    received = {name: " ".join(value.split()) for name, value in mail["headers"]}
    assert headers.items() <= received.items()
    assert received["Reply-To"] == '"taro..yamada"@docomo.ne.jp'
    assert mail["text"].strip().splitlines() == ["Name Anna", "Go <https://x.example/a?b=1>"]
    assert mail["html"].strip() == markup
    assert [file["filename"] for file in mail["attachments"]] == ["invite.ics"]


def test_quoted_recipient(stack: Stack, subject: str) -> None:
    """A recipient whose local part needs quotes is accepted by Postfix, and its status shows it once."""
    key = stack.api_key(f"carrier-{subject.removeprefix('test ')}")
    mail = {"to": "taro..yamada@docomo.ne.jp", "subject": subject, "body": "x"}
    response = stack.post(mail, **key)
    assert response.status_code == 200, response.text
    path = response.json()["status_url"]

    def recipients() -> list[str]:
        return [one["recipient"] for one in stack.look_up(path, key)["recipients"] if one["state"] == "relayed"]

    until("the delivery", lambda: recipients() != [])
    assert recipients() == ['"***@docomo.ne.jp']


def test_curl_form(stack: Stack, subject: str) -> None:
    """`curl -F` posts a form with a file, and gets JSON."""
    fields = {"to": RECIPIENT, "subject": subject, "body": "from curl", "file": "@README.md"}
    command = ["curl", "--silent", *(word for name, value in fields.items() for word in ("-F", f"{name}={value}"))]
    answer = subprocess.run([*command, stack.url(API, "/send")], check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own words
    assert '"success":true' in answer
    mail = stack.received(subject)
    assert mail["text"].strip() == "from curl"
    assert [file["filename"] for file in mail["attachments"]] == ["README.md"]


@pytest.mark.parametrize("to", ["用户@example.com", "a@例子.example"], ids=["local part", "domain"])
def test_international(stack: Stack, subject: str, to: str) -> None:
    """Our Postfix offers SMTPUTF8 and accepts such addresses; an IDNA domain is converted to ASCII."""
    if "例" in to:  # not an allowed recipient, but it can be the sender
        stack.send(subject, **{"from": to})
        assert dict(stack.received(subject)["headers"])["Reply-To"] == "a@xn--fsqu00a.example"
        return
    response = stack.post({"to": to, "subject": subject, "body": "x"})
    assert response.status_code == 200, response.text
    until("the mail in the log", lambda: response.json()["id"] in stack.logs("mail-server"))


def test_ready(stack: Stack) -> None:
    """/ready is 200 while Postfix answers."""
    response = stack.http.get(stack.url(API, "/ready"))
    assert (response.status_code, response.json()) == (200, {"status": "ready"})
