"""The example contact form in Chromium: with and without JavaScript, from an allowed and from a foreign site."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import blocks
from tests.integration.api.conftest import FOREIGN, OWN, with_values
from tests.integration.api.webdriver import Browser, browser
from tests.integration.stack import API_METRICS, RECIPIENT, ROOT, SANDBOX, Json, Stack, until

SEED = """
return fetch('http://mail-api:20001/send', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ to: '%s', subject: '%s', body: 'Message body from the contact form' })
}).then(response => response.json()).catch(error => String(error))
"""


@pytest.fixture
def window(webdriver: str, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Return a window; JavaScript is off if the test's name has `without_script`. SCREENSHOTS=folder keeps its end."""
    with browser(webdriver, script="without_script" not in request.node.name) as opened:
        yield opened
        if folder := os.environ.get("SCREENSHOTS"):
            opened.screenshot(Path(folder) / f"{request.node.name}.png")


def from_reference(language: str) -> str:
    """Return the API reference's example in that language, with this stack's values."""
    found = (block for block in blocks(ROOT / "docs/api-reference.md") if "test_browser.py" in block.detail)
    (example,) = (block.text for block in found if block.language == language)
    return with_values(example)


def fill(window: Browser, site: str, subject: str, email: str = "anna@visitor.example") -> None:
    """Fill the form on a site, with the subject of this test."""
    window.open(f"{site}/index.html?subject={subject.replace(' ', '-')}")
    window.fill("#name", "Lee, Anna")
    window.fill("#email", email)
    window.fill("#message", f"Grüße! {subject}")


def fill_plain(window: Browser, subject: str, email: str = "anna@visitor.example") -> None:
    """Fill all five fields of the form that has a file, as a visitor would."""
    window.open(f"{OWN}/plain/index.html")
    window.fill("[name=name]", "Lee, Anna")
    window.fill("[name=email]", email)
    window.fill("[name=phone]", "+49 170 0000000")
    window.fill("[name=topic]", "An offer")
    window.fill("[name=message]", f"Grüße! {subject}")


def mail_with(stack: Stack, text: str) -> Json:
    """Wait for the mail with this in its text, and return it."""

    def look() -> Json | None:
        found: list[Json] = stack.http.get(stack.url(SANDBOX, "/messages")).json()
        return next((mail for mail in found if text in mail["text"]), None)

    return until("the mail", look)


def arrived(stack: Stack, text: str) -> bool:
    """Return whether a mail with this text was delivered to the relay."""
    found = stack.http.get(stack.url(("sandbox-relay", 8080), "/messages")).json()
    return any(text in mail["text"] for mail in found)


def result_message(window: Browser) -> str:
    """Return the form's message when it has finished sending."""
    until("an end of sending", lambda: window.attribute("form", "aria-busy") == "false")
    return window.text(".status")


def exceed_minimum_fill_time(window: Browser) -> None:
    """Set the form's opening time back by a minute, which exceeds the minimum fill time."""
    window.run("document.querySelector('form').elements.form_opened_at.value = Date.now() - 60000")


def test_readme_example(stack: Stack, window: Browser, subject: str) -> None:
    """The README's fetch example sends from a page of an allowed site."""
    window.open(f"{OWN}/thank-you.html")
    assert window.text("h1") == "Thank you"
    answer = window.run(SEED % (RECIPIENT, subject))
    assert answer["success"] is True
    assert stack.received(subject)["recipients"] == [RECIPIENT]


def test_readme_example_elsewhere(stack: Stack, window: Browser, subject: str) -> None:
    """On a foreign site, the browser does not show the page even the error response."""
    before = stack.count_mails()
    window.open(f"{FOREIGN}/thank-you.html")
    assert window.text("h1") == "Thank you"
    assert "TypeError" in window.run(SEED % (RECIPIENT, subject))
    assert stack.count_mails() == before


def test_reference_script(stack: Stack, window: Browser) -> None:
    """The reference's script sends from a page of an allowed site."""
    before = stack.count_mails()
    window.open(f"{OWN}/thank-you.html")
    text = f"return (async () => {{ {from_reference('javascript')}; return answer }})()"
    assert window.run(text)["code"] == "accepted"
    until("the mail", lambda: stack.count_mails() == before + 1)


def test_reference_form(stack: Stack, window: Browser, subject: str) -> None:
    """The reference's form sends from a page of an allowed site, and opens its next page."""
    window.open(f"{OWN}/index.html")
    window.run(f"document.body.innerHTML = {json.dumps(from_reference('html'))}")
    window.fill("input[type=email]", "anna@visitor.example")
    window.fill("textarea", f"Grüße! {subject}")
    window.click("button")
    until("the next page", lambda: window.url == f"{OWN}/thank-you.html")
    until("the mail", lambda: arrived(stack, f"Grüße! {subject}"))


def test_form(stack: Stack, window: Browser, subject: str) -> None:
    """With JavaScript the visitor stays on the page, which confirms the mail; the owner can reply to the visitor."""
    fill(window, OWN, subject)
    exceed_minimum_fill_time(window)
    window.click("button")
    assert result_message(window) == "Thank you. Your message has been sent."
    assert window.url.startswith(f"{OWN}/index.html")
    assert window.run("return document.querySelector('#message').value") == ""
    until("the mail", lambda: arrived(stack, f"Grüße! {subject}"))


def test_form_shows_sending(window: Browser, subject: str) -> None:
    """While the mail is being sent, the form shows it, and a second click sends nothing."""
    fill(window, OWN, subject)
    exceed_minimum_fill_time(window)
    window.run("window.fetch = () => { window.sent = (window.sent ?? 0) + 1; return new Promise(() => {}) }")
    window.click("button")
    window.click("button")
    assert window.text(".status") == "Sending your message …"
    assert window.attribute("button", "aria-disabled") == "true"
    assert window.run("return window.sent") == 1


def test_form_after_a_lost_answer(stack: Stack, window: Browser, subject: str) -> None:
    """A second click after a lost response shows success, and sends no second mail."""
    replayed = stack.value(API_METRICS, "mail_api_messages_total", result="replayed")
    fill(window, OWN, subject)
    exceed_minimum_fill_time(window)
    window.run("""const real = window.fetch
      window.fetch = async (...sent) => { await real(...sent); window.fetch = real; throw new TypeError('lost') }""")
    window.click("button")
    assert "please try again later" in result_message(window)
    window.click("button")
    assert result_message(window) == "Thank you. Your message has been sent."
    assert stack.value(API_METRICS, "mail_api_messages_total", result="replayed") == replayed + 1


def test_form_errors(window: Browser, subject: str) -> None:
    """An error is shown at its field, which has the focus and is linked to the message."""
    fill(window, OWN, subject, email="anna@visitor")
    exceed_minimum_fill_time(window)
    window.click("button")
    assert result_message(window) == "Please correct the marked fields."
    assert window.text("#email-error") == "The part after the @-sign is not valid. It should have a period."
    assert window.attribute("#email", "aria-describedby") == "email-error"
    assert window.run("return document.activeElement.id") == "email"


def test_form_too_fast(window: Browser, subject: str) -> None:
    """A form that is sent too fast asks to press Send again."""
    fill(window, OWN, subject)
    window.run("document.querySelector('form').elements.form_opened_at.value = Date.now()")
    window.click("button")
    assert result_message(window) == "That was quick. Please press Send again in a moment."


def test_form_elsewhere(stack: Stack, window: Browser, subject: str) -> None:
    """The form on a foreign site sends nothing, and shows an error."""
    before = stack.count_mails()
    fill(window, FOREIGN, subject)
    exceed_minimum_fill_time(window)
    window.click("button")
    assert "cannot be reached" in result_message(window)
    assert stack.count_mails() == before


def test_honeypot(stack: Stack, window: Browser, subject: str) -> None:
    """A filled honeypot is answered with success, and nothing is sent."""
    before = stack.count_mails()
    fill(window, OWN, subject)
    exceed_minimum_fill_time(window)
    window.run("document.querySelector('#hp_note').value = 'http://spam.example'")
    window.click("button")
    assert result_message(window) == "Thank you. Your message has been sent."
    assert stack.count_mails() == before
    box = window.run("const r = document.querySelector('.trap').getBoundingClientRect(); return [r.right, r.width]")
    assert box[0] <= 1


def test_form_without_script(stack: Stack, window: Browser, subject: str) -> None:
    """Without JavaScript the browser posts the form and opens its next page."""
    fill(window, OWN, subject)
    window.click("button")
    until("the next page", lambda: window.url == f"{OWN}/thank-you.html")
    assert window.text("h1") == "Thank you"
    until("the mail", lambda: arrived(stack, f"Grüße! {subject}"))


def test_errors_without_script(window: Browser, subject: str) -> None:
    """Without JavaScript errors are shown in a page."""
    fill(window, OWN, subject, email="anna@visitor")
    window.click("button")
    until("the next page", lambda: window.url.endswith("/send"))
    assert window.text("h1") == "Your message was not sent"
    assert "from: " in window.text("li")


def test_elsewhere_without_script(stack: Stack, window: Browser, subject: str) -> None:
    """Without JavaScript the form of a foreign site is rejected."""
    before = stack.count_mails()
    fill(window, FOREIGN, subject)
    window.click("button")
    until("the next page", lambda: window.url.endswith("/send"))
    assert "ALLOWED_HOSTS" in window.text('[role="alert"]')
    assert stack.count_mails() == before


def test_plain_form_without_script(stack: Stack, window: Browser, subject: str) -> None:
    """A plain HTML form without recipient and script reaches the file's recipient, and shows the file's page."""
    accepted = stack.value(API_METRICS, "mail_api_form_messages_total", form="contact", result="accepted")
    fill_plain(window, subject)
    window.click("button")
    until("the next page", lambda: window.url.endswith("/forms/contact"))
    assert window.text("h1") == "Thank you"
    assert window.text('[role="status"]') == "Your message has been sent. We answer within two days."
    mail = mail_with(stack, f"Grüße! {subject}")
    assert mail["recipients"] == [RECIPIENT]
    assert mail["subject"] == "Contact form: An offer"
    assert mail["text"].splitlines()[:5] == [
        "Your name: Lee, Anna",
        "Your e-mail address: anna@visitor.example",
        "Your phone number: +49 170 0000000",
        "What it is about: An offer",
        f"Your message: Grüße! {subject}",
    ]
    now = stack.value(API_METRICS, "mail_api_form_messages_total", form="contact", result="accepted")
    assert now == accepted + 1


def test_plain_form_in_the_inbox_without_script(stack: Stack, window: Browser, subject: str) -> None:
    """The mail of a plain HTML form shows its five fields in the inbox."""
    fill_plain(window, subject)
    window.click("button")
    until("the next page", lambda: window.url.endswith("/forms/contact"))
    mail = mail_with(stack, f"Grüße! {subject}")
    window.open(f"http://sandbox-relay:8080/messages/{mail['id']}/view")
    shown = window.text("body")
    fields = ("Lee, Anna", "anna@visitor.example", "+49 170 0000000", "An offer", f"Grüße! {subject}")
    assert [field for field in fields if field not in shown] == []


def test_plain_form_errors_without_script(window: Browser, subject: str) -> None:
    """Without JavaScript a page shows the errors, with the labels of the form."""
    fill_plain(window, subject, email="anna@visitor")
    window.click("button")
    until("the next page", lambda: window.url.endswith("/forms/contact"))
    assert window.text("h1") == "Your message was not sent"
    assert window.text("li").startswith("Your e-mail address: The part after the @-sign is not valid")
