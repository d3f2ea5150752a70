"""The example contact form in Chromium: with and without script, from an allowed and from a foreign site."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import blocks
from tests.integration.api.conftest import FOREIGN, OWN, as_its_user
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
    """Return a fresh window, without JavaScript where a test's name says so. SCREENSHOTS=folder keeps its end."""
    with browser(webdriver, script="without_script" not in request.node.name) as opened:
        yield opened
        if folder := os.environ.get("SCREENSHOTS"):
            opened.screenshot(Path(folder) / f"{request.node.name}.png")


def from_reference(language: str) -> str:
    """Return the API reference's example in that language, with this stack's values in place of the reader's."""
    (example,) = (block.text for block in blocks(ROOT / "docs/api-reference.md") if block.language == language)
    return as_its_user(example)


def fill(window: Browser, site: str, subject: str, email: str = "anna@visitor.example") -> None:
    """Fill the form on a site as a visitor would; its subject is made this test's own first."""
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
    """Tell whether a mail with this in its text has reached the relay."""
    found = stack.http.get(stack.url(("sandbox-relay", 8080), "/messages")).json()
    return any(text in mail["text"] for mail in found)


def settled(window: Browser) -> str:
    """Return the form's last word, once it is no longer sending."""
    until("an end of sending", lambda: window.attribute("form", "aria-busy") == "false")
    return window.text(".status")


def wait_for_people(window: Browser) -> None:
    """Let the time pass that a person takes."""
    window.run("document.querySelector('form').elements.form_opened_at.value = Date.now() - 60000")


def test_readme_example(stack: Stack, window: Browser, subject: str) -> None:
    """The README's fetch example sends from a page of an allowed site."""
    window.open(f"{OWN}/thank-you.html")
    assert window.text("h1") == "Thank you"
    answer = window.run(SEED % (RECIPIENT, subject))
    assert answer["success"] is True
    assert stack.received(subject)["recipients"] == [RECIPIENT]


def test_readme_example_elsewhere(stack: Stack, window: Browser, subject: str) -> None:
    """From a foreign site the browser keeps even the refusal from the page."""
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
    """The reference's form sends from a page of an allowed site, and leads to the page that it names."""
    window.open(f"{OWN}/index.html")
    window.run(f"document.body.innerHTML = {json.dumps(from_reference('html'))}")
    window.fill("input[type=email]", "anna@visitor.example")
    window.fill("textarea", f"Grüße! {subject}")
    window.click("button")
    until("the next page", lambda: window.url == f"{OWN}/thank-you.html")
    until("the mail", lambda: arrived(stack, f"Grüße! {subject}"))


def test_form(stack: Stack, window: Browser, subject: str) -> None:
    """With script the visitor stays on the page, reads that it was sent, and the owner can answer to the visitor."""
    fill(window, OWN, subject)
    wait_for_people(window)
    window.click("button")
    assert settled(window) == "Thank you. Your message has been sent."
    assert window.url.startswith(f"{OWN}/index.html")
    assert window.run("return document.querySelector('#message').value") == ""
    until("the mail", lambda: arrived(stack, f"Grüße! {subject}"))


def test_form_shows_sending(window: Browser, subject: str) -> None:
    """While it is sent, the form says so, and a second click sends nothing more."""
    fill(window, OWN, subject)
    wait_for_people(window)
    window.run("window.fetch = () => { window.sent = (window.sent ?? 0) + 1; return new Promise(() => {}) }")
    window.click("button")
    window.click("button")
    assert window.text(".status") == "Sending your message …"
    assert window.attribute("button", "aria-disabled") == "true"
    assert window.run("return window.sent") == 1


def test_form_after_a_lost_answer(stack: Stack, window: Browser, subject: str) -> None:
    """Who presses Send again because no answer came reads that it was sent, and has not sent it twice."""
    replayed = stack.value(API_METRICS, "mail_api_messages_total", result="replayed")
    fill(window, OWN, subject)
    wait_for_people(window)
    window.run("""const real = window.fetch
      window.fetch = async (...sent) => { await real(...sent); window.fetch = real; throw new TypeError('lost') }""")
    window.click("button")
    assert "please try again later" in settled(window)
    window.click("button")
    assert settled(window) == "Thank you. Your message has been sent."
    assert stack.value(API_METRICS, "mail_api_messages_total", result="replayed") == replayed + 1


def test_form_errors(window: Browser, subject: str) -> None:
    """A problem is said at its field, which has the focus and is tied to the words."""
    fill(window, OWN, subject, email="anna@visitor")
    wait_for_people(window)
    window.click("button")
    assert settled(window) == "Please correct the marked fields."
    assert window.text("#email-error") == "The part after the @-sign is not valid. It should have a period."
    assert window.attribute("#email", "aria-describedby") == "email-error"
    assert window.run("return document.activeElement.id") == "email"


def test_form_too_fast(window: Browser, subject: str) -> None:
    """Who is very quick is asked to press again."""
    fill(window, OWN, subject)
    window.run("document.querySelector('form').elements.form_opened_at.value = Date.now()")
    window.click("button")
    assert settled(window) == "That was quick. Please press Send again in a moment."


def test_form_elsewhere(stack: Stack, window: Browser, subject: str) -> None:
    """The same form on a foreign site sends nothing, and says that it could not."""
    before = stack.count_mails()
    fill(window, FOREIGN, subject)
    wait_for_people(window)
    window.click("button")
    assert "cannot be reached" in settled(window)
    assert stack.count_mails() == before


def test_honeypot(stack: Stack, window: Browser, subject: str) -> None:
    """A program that fills what people don't see reads success, and nothing is sent."""
    before = stack.count_mails()
    fill(window, OWN, subject)
    wait_for_people(window)
    window.run("document.querySelector('#hp_note').value = 'http://spam.example'")
    window.click("button")
    assert settled(window) == "Thank you. Your message has been sent."
    assert stack.count_mails() == before
    box = window.run("const r = document.querySelector('.trap').getBoundingClientRect(); return [r.right, r.width]")
    assert box[0] <= 1


def test_form_without_script(stack: Stack, window: Browser, subject: str) -> None:
    """Without script the browser posts the form and comes to the page that it names."""
    fill(window, OWN, subject)
    window.click("button")
    until("the next page", lambda: window.url == f"{OWN}/thank-you.html")
    assert window.text("h1") == "Thank you"
    until("the mail", lambda: arrived(stack, f"Grüße! {subject}"))


def test_errors_without_script(window: Browser, subject: str) -> None:
    """Without script the visitor reads in a page what is wrong."""
    fill(window, OWN, subject, email="anna@visitor")
    window.click("button")
    until("the next page", lambda: window.url.endswith("/send"))
    assert window.text("h1") == "Your message was not sent"
    assert "from: " in window.text("li")


def test_elsewhere_without_script(stack: Stack, window: Browser, subject: str) -> None:
    """Without script, too, a foreign site's form is refused."""
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
    """Without script the visitor reads what is wrong, under the labels that the form has."""
    fill_plain(window, subject, email="anna@visitor")
    window.click("button")
    until("the next page", lambda: window.url.endswith("/forms/contact"))
    assert window.text("h1") == "Your message was not sent"
    assert window.text("li").startswith("Your e-mail address: The part after the @-sign is not valid")
