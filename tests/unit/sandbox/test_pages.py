"""HTML pages with hostile values."""

from html.parser import HTMLParser

import httpx2
import pytest

from mail_sandbox.gmail_headers import Arrival
from mail_sandbox.inbox import ReceivedMail, receive
from mail_sandbox.spans import Span
from mail_sandbox.state import Sandbox

HOSTILE = "\"'></title></pre></iframe><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"


class Elements(HTMLParser):
    """Collects the elements of a page, and the content of its frame."""

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
def hostile_mail(sandbox: Sandbox) -> ReceivedMail:
    """Store a mail with HTML in every field, and return it."""
    content = (
        f"From: {HOSTILE} <a@b.example>\r\nSubject: {HOSTILE}\r\nX-{'A' * 5}: {HOSTILE}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain\r\n\r\n{HOSTILE}\r\n"
        f"--b\r\nContent-Type: text/html\r\n\r\n<p>{HOSTILE}</p>\r\n"
        "--b\r\nContent-Type: text/plain\r\n"
        "Content-Disposition: attachment; filename*=utf-8''%3Cscript%3E\r\n\r\nx\r\n--b--\r\n"
    ).encode()
    arrival = Arrival("me@gmail.example", "s", f"host{HOSTILE}", "192.0.2.1", "", (f"{HOSTILE}@b.example",), 0)
    mail = receive(content, sender=f"{HOSTILE}@x", arrival=arrival, tls_version="TLSv1.3")
    sandbox.inbox.add(mail)
    return mail


async def test_a_hostile_mail_stays_text(control: httpx2.AsyncClient, hostile_mail: ReceivedMail) -> None:
    """HTML of a mail is escaped on both pages, and its HTML body is in a sandboxed frame."""
    for path in ("/", f"/messages/{hostile_mail.id}/view"):
        answer = await control.get(path)
        page = Elements(answer.text)
        assert page.names.isdisjoint({"script", "img"})
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
    (frame,) = page.frames
    assert frame["sandbox"] is None
    assert frame["srcdoc"] == hostile_mail.html
    assert "&lt;script&gt;" in answer.text


async def test_hostile_spans_stay_text(control: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    """Names and services of spans are escaped."""
    sandbox.spans.add(Span("a" * 32, "b" * 16, HOSTILE, 0, 1, service=HOSTILE))
    assert Elements((await control.get("/")).text).names.isdisjoint({"script", "img"})


@pytest.mark.usefixtures("hostile_mail")
async def test_hostile_faults_stay_text(control: httpx2.AsyncClient) -> None:
    """Parameters of a fault are escaped."""
    await control.put("/faults/unknown_recipient", json={"recipient": HOSTILE})
    assert Elements((await control.get("/")).text).names.isdisjoint({"script", "img"})


async def test_an_empty_sandbox(control: httpx2.AsyncClient) -> None:
    """Every part of an empty page has a text instead of a list."""
    page = (await control.get("/")).text
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert page.count("None yet.") == 3
    assert "No fault is switched on." in page
    assert "0 of 5 recipients used" in page


async def test_closed_ports_are_mentioned(control: httpx2.AsyncClient) -> None:
    """Closed ports are reported at the top of the page."""
    await control.put("/faults/refuse_connection")
    page = (await control.get("/")).text
    assert "ports are closed" in page
    assert "refuse_connection" in page
    await control.delete("/faults")


@pytest.mark.parametrize(("query", "reloads"), [("", False), ("?refresh=1", True)], ids=["still", "reloading"])
async def test_the_page_reloads_when_asked_to(control: httpx2.AsyncClient, query: str, *, reloads: bool) -> None:
    """The page reloads only on request: reloading disturbs screen readers."""
    assert reloads == ('http-equiv="refresh"' in (await control.get(f"/{query}")).text)
