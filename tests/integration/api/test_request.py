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
