"""HTML pages with hostile values."""

from html.parser import HTMLParser

import httpx2
import pytest

from mail_sandbox.gmail_headers import Arrival
from mail_sandbox.inbox import ReceivedMail, receive
from mail_sandbox.spans import Span
from mail_sandbox.state import Sandbox

EVIL = "\"'></title></pre></iframe><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"


class Elements(HTMLParser):
    """Collect the elements of a page and the content of its frame."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.frames: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a start tag."""
        self.names.add(tag)
        if tag == "iframe":
            self.frames.append(dict(attrs))


@pytest.fixture
def evil_mail(sandbox: Sandbox) -> ReceivedMail:
    """Return a mail with HTML in every field that a page shows."""
    content = (
        f"From: {EVIL} <a@b.example>\r\nSubject: {EVIL}\r\nX-{'A' * 5}: {EVIL}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\n{EVIL}\r\n"
        f"--b\r\nContent-Type: text/html\r\n\r\n<p>{EVIL}</p>\r\n"
        "--b\r\nContent-Type: text/plain\r\n"
        "Content-Disposition: attachment; filename*=utf-8''%3Cscript%3E\r\n\r\nx\r\n--b--\r\n"
    ).encode()
    arrival = Arrival("me@gmail.example", "s", f"host{EVIL}", "192.0.2.1", "", (f"{EVIL}@b.example",), 0)
    mail = receive(content, sender=f"{EVIL}@x", arrival=arrival, tls_version="TLSv1.3")
    sandbox.inbox.add(mail)
    return mail


async def test_a_hostile_mail_stays_text(control: httpx2.AsyncClient, evil_mail: ReceivedMail) -> None:
    """No element of a page comes from the mail; its HTML is in a sandboxed frame."""
    for path in ("/", f"/messages/{evil_mail.id}/view"):
        answer = await control.get(path)
        page = Elements(answer.text)
        assert page.names.isdisjoint({"script", "img"})
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
    (frame,) = page.frames
    assert frame["sandbox"] is None
    assert frame["srcdoc"] == evil_mail.html
    assert "&lt;script&gt;" in answer.text


async def test_hostile_spans_stay_text(control: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    """Names and services of spans are escaped."""
    sandbox.spans.add(Span("a" * 32, "b" * 16, EVIL, 0, 1, service=EVIL))
    assert Elements((await control.get("/")).text).names.isdisjoint({"script", "img"})


@pytest.mark.usefixtures("evil_mail")
async def test_hostile_faults_stay_text(control: httpx2.AsyncClient) -> None:
    """Parameters of a fault are escaped."""
    await control.put("/faults/unknown_recipient", json={"recipient": EVIL})
    assert Elements((await control.get("/")).text).names.isdisjoint({"script", "img"})


async def test_an_empty_sandbox(control: httpx2.AsyncClient) -> None:
    """Each empty part of the page has a text."""
    page = (await control.get("/")).text
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert page.count("None yet.") == 3
    assert "No fault is switched on." in page
    assert "0 of 5 recipients used" in page


async def test_closed_ports_are_mentioned(control: httpx2.AsyncClient) -> None:
    """Closed ports are at the top of the page."""
    await control.put("/faults/refuse_connection")
    page = (await control.get("/")).text
    assert "ports are closed" in page
    assert "refuse_connection" in page
    await control.delete("/faults")


@pytest.mark.parametrize(("query", "reloads"), [("", False), ("?refresh=1", True)], ids=["still", "reloading"])
async def test_the_page_reloads_when_asked_to(control: httpx2.AsyncClient, query: str, *, reloads: bool) -> None:
    """The page reloads only on request: reloading disturbs screen readers."""
    assert reloads == ('http-equiv="refresh"' in (await control.get(f"/{query}")).text)
