"""Mails that the honeypot caught are released by the command, and several addresses of FORWARD_EMAIL work."""

import json
import re

from tests.integration.stack import API_METRICS, RECIPIENT, Stack, until
from tests.integration.test_ledger_tools import make

AUTOFILL = {"hp_url": "https://anna.example", "from": "Anna <anna@example.net>"}


def caught(stack: Stack, subject: str) -> str:
    """Send a mail that the honeypot catches; return its id."""
    message_id = stack.send(subject, **AUTOFILL)
    assert stack.http.get(stack.url(("mail-api", 20001), f"/messages/{message_id}")).status_code == 404
    return message_id


def test_release_by_command(stack: Stack, subject: str) -> None:
    """Field case a23: the mail is found by the log or the list, and the released one arrives once."""
    message_id = caught(stack, subject)
    lines = [line for line in stack.logs("mail-api").splitlines() if message_id in line]
    assert json.loads(lines[0].partition("{")[1] + lines[0].partition("{")[2])["mail.result"] == "honeypot"
    assert message_id in make("caught").stdout
    assert json.loads(make("caught", f"SHOW={message_id}").stdout)["mail"]["subject"] == subject
    first, second = (make("caught", f"RELEASE={message_id}").stdout for _ in range(2))
    released = re.fullmatch(rf"{message_id} is released as (msg_[0-9a-z]{{26}})\n", first)
    assert released is not None
    assert first == second
    stack.status(released[1], "relayed")
    assert stack.received(subject)
    assert stack.value(API_METRICS, "mail_api_caught_mails_total", outcome="released") >= 1


def test_release_after_a_restart(stack: Stack, subject: str) -> None:
    """A release that was requested while the API did not run is sent when it runs again."""
    message_id = caught(stack, subject)
    stack.command("stop", "mail-api")
    try:
        said = stack.execute("mail-exporter", "mail-ledger", "caught", "release", message_id, "--seconds", "0")
    finally:
        stack.start()
    assert "does mail-api run?" in said or not said
    until("the release", lambda: f"{message_id} " in released_lines(stack))
    assert stack.received(subject)


def released_lines(stack: Stack) -> str:
    """Return the lines of released mails in the list of caught mails."""
    listed = stack.execute("mail-api", "mail-ledger", "caught", "list")
    return "\n".join(line for line in listed.splitlines() if " released " in line)


def test_release_by_key(stack: Stack, subject: str) -> None:
    """An API key with the right releases a mail by HTTP."""
    message_id, key = caught(stack, subject), stack.api_key(subject.replace(" ", "-"), "--release")
    assert stack.look_up(f"/messages/{message_id}", key)["caught"]["content"]["subject"] == subject
    answer = stack.http.post(stack.url(("mail-api", 20001), f"/messages/{message_id}/release"), headers=key)
    assert answer.status_code == 200, answer.text
    assert stack.received(subject)


def test_several_addresses_of_forward_email(stack: Stack, subject: str) -> None:
    """Field case e01: with two addresses in FORWARD_EMAIL all services start, and the API writes to both."""
    variables = {"FORWARD_EMAIL": "a@example.com,b@example.com", "ALLOWED_RECIPIENTS": ""}
    with stack.variables(variables, "mail-server", "mail-api", "mail-exporter"):
        for address in ("a@example.com", "b@example.com"):
            stack.send(subject, to=address)
        refused = stack.post({"to": RECIPIENT, "subject": subject, "body": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, "recipient_not_allowed")
