"""The mail that a request becomes, read back with the standard library's own parser."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_api.message import Stamp, compose
from mail_api.schemas import SendRequest

STAMP = Stamp("<msg_1.mail-api@x.test>", datetime(2026, 11, 22, 12, 0, tzinfo=UTC), "00-ab-cd-01")
HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "Traceparent", "MIME-Version"}
CONTENT_HEADERS = {"Content-Type", "Content-Transfer-Encoding"}


def wire(stamp: Stamp = STAMP, **fields: object) -> bytes:
    """Return the mail as it would be sent."""
    request = SendRequest.model_validate({"subject": "Hi", "body": "Hello", **fields})
    return compose(request, sender="noreply@x.test", recipient="a@x.test", stamp=stamp).as_bytes()


def parsed(raw: bytes) -> EmailMessage:
    """Return the mail as a receiver reads it."""
    found = message_from_bytes(raw, policy=SMTP)
    assert isinstance(found, EmailMessage)
    return found


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """Return the text of the body part, its lines ended by line feeds."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_golden() -> None:
    """A plain mail looks exactly like this."""
    assert wire(STAMP, **{"from": "v@y.test"}) == (
        b"From: noreply@x.test\r\n"
        b"To: a@x.test\r\n"
        b"Reply-To: v@y.test\r\n"
        b"Subject: Hi\r\n"
        b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
        b"Message-ID: <msg_1.mail-api@x.test>\r\n"
        b"Traceparent: 00-ab-cd-01\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"MIME-Version: 1.0\r\n"
        b"\r\n"
        b"Hello\r\n"
    )


def test_no_trace() -> None:
    """Without a span there is no trace header."""
    assert b"Traceparent" not in wire(Stamp(STAMP.message_id_header, STAMP.sent_at))


def test_html() -> None:
    """An HTML body travels with a plain text that is made from it."""
    mail = parsed(wire(body="<p>Grüße &amp; Küsse</p>", html=True))
    assert mail.get_content_type() == "multipart/alternative"
    assert text_of(mail, "html") == "<p>Grüße &amp; Küsse</p>\n"
    assert text_of(mail) == "Grüße & Küsse\n"


@pytest.mark.parametrize(
    "subject",
    [
        "a" * 500,
        "Grüße an alle, die das lesen können, und das ist eine lange Zeile mit Ümläuten",
        "🎉 emoji " * 20,
        "=?utf-8?q?a=0D=0ABcc:_b@y.test?=",
        "مرحبا بالعالم",
        " spaces  inside and around ",
        'Name, with: punctuation; "quotes" <and> (comments)',
    ],
    ids=["long word", "folded", "emoji", "looks encoded", "right to left", "spaces", "punctuation"],
)
def test_subjects(subject: str) -> None:
    """The receiver reads the subject that was given, and no other header comes of it."""
    mail = parsed(wire(subject=subject))
    assert mail["Subject"] == subject
    assert set(mail.keys()) == HEADERS | CONTENT_HEADERS


@given(subject=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=300).filter(str.strip))
def test_any_subject(subject: str) -> None:
    """Any one-line subject leaves the set of headers as it is and the mail 7-bit."""
    raw = wire(subject=subject)
    assert raw.isascii()
    assert set(parsed(raw).keys()) == HEADERS | CONTENT_HEADERS


@given(body=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip))
def test_any_body(body: str) -> None:
    """Any body arrives as it was, its lines at most 998 bytes and ended by CRLF on the way."""
    raw = wire(body=body)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    expected = body.replace("\r\n", "\n").replace("\r", "\n")
    assert text_of(parsed(raw)).removesuffix("\n") == expected.removesuffix("\n")


@pytest.mark.parametrize("value", ["a\nBcc: b@y.test", "a\r\n b", "é", "a\0"], ids=ascii)
def test_second_line_of_defence(value: str) -> None:
    """A header value that could start another header is a defect, and no mail is made."""
    with pytest.raises(ValueError, match="unsafe value for header Message-ID"):
        wire(Stamp(value, STAMP.sent_at))
