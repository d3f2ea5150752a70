"""Inbox: stored mails and searches."""

from email.message import EmailMessage

import pytest

from mail_sandbox.gmail_headers import Arrival
from mail_sandbox.inbox import Attachment, Inbox, ReceivedMail, receive


def mail(content: bytes, *recipients: str) -> ReceivedMail:
    """Return a mail with that content, as the relay stores it."""
    arrival = Arrival("me@gmail.example", "s.1", "host", "192.0.2.1", "", recipients or ("a@b.example",), 0)
    return receive(content, sender="s@x.example", arrival=arrival, tls_version="TLSv1.3")


def test_a_mail_is_read() -> None:
    """Subject, both bodies and attachments are parsed, and the raw bytes are kept."""
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["From"] = "joe@x.example"
    message["Message-ID"] = "<1@x.example>"
    message.set_content("Guten Tag\n")
    message.add_alternative("<p>Guten Tag</p>\n", subtype="html")
    message.add_attachment(b"123", maintype="application", subtype="pdf", filename="a.pdf")
    read = mail(bytes(message))
    assert (read.subject, read.message_id, read.text.strip(), read.html.strip()) == (
        "Grüße",
        "<1@x.example>",
        "Guten Tag",
        "<p>Guten Tag</p>",
    )
    assert read.attachments == (Attachment("a.pdf", "application/pdf", 3),)
    assert read.received == bytes(message)
    assert read.header("from") == "me@gmail.example"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: =?no-such-charset?q?x?=\r\n\r\n",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\n",
        b"Content-Type: text/plain; charset=no-such\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\nx",
        b"Content-Type: text/html; charset*=x''%\r\nContent-Transfer-Encoding: base64\r\n\r\n=",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: inline; filename*0*=\r\n\r\n",
    ],
    ids=["empty", "binary", "charset", "base64", "body charset", "boundary", "parameter", "file name"],
)
def test_hostile_content_is_kept(content: bytes) -> None:
    """A malformed mail is stored unchanged, and nothing is raised."""
    assert mail(content).received == content


def test_mails_are_found() -> None:
    """Mails are found by recipient, subject (ignoring case) and Message-ID (with or without brackets); newest first."""
    inbox = Inbox(keep=10)
    first = mail(b"Subject: Hello World\r\nMessage-ID: <1@x>\r\n\r\n", "a@b.example", "c@d.example")
    second = mail(b"Subject: hello\r\nMessage-ID: <2@x>\r\n\r\n", "c@d.example")
    inbox.add(first)
    inbox.add(second)
    assert inbox.find() == [second, first]
    assert inbox.find(to="C@D.example") == [second, first]
    assert inbox.find(to="d.example") == []
    assert inbox.find(subject="WORLD") == [first]
    assert inbox.find(message_id="2@x") == inbox.find(message_id="<2@x>") == [second]
    assert inbox.get(first.id) is first
    assert inbox.get("none") is None


def test_oldest_mails_are_dropped() -> None:
    """A full inbox drops its oldest mails, and still counts them."""
    inbox = Inbox(keep=2)
    mails = [mail(b"") for _ in range(3)]
    for one in mails:
        inbox.add(one)
    assert inbox.find() == [mails[2], mails[1]]
    assert inbox.total == 3
