"""Mails from requests, parsed with the standard library."""

import base64
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_api.addresses import Mailbox
from mail_api.message import Stamp, compose
from mail_api.schemas import SendRequest

STAMP = Stamp("<msg_1.mail-api@x.test>", datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version"}
CONTENT_HEADERS = {"Content-Type", "Content-Transfer-Encoding"}


def wire(stamp: Stamp = STAMP, **fields: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return the mail as it would be sent."""
    request = SendRequest.model_validate({"to": "a@x.test", "subject": "Hi", "body": "Hello", **fields})
    return compose(request, sender=Mailbox("noreply@x.test"), stamp=stamp).as_bytes()


def parsed(raw: bytes) -> EmailMessage:
    """Return the mail as a receiver parses it."""
    found = message_from_bytes(raw, policy=SMTP)
    assert isinstance(found, EmailMessage)
    return found


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """Return the text of the body part, with line feeds as line ends."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def mailboxes(raw: bytes, header: str) -> list[tuple[str, str]]:
    """Return names and addresses of a header. Not by its parser, which keeps blanks between parts of a long name."""
    found = getaddresses([str(message_from_bytes(raw)[header])])
    return [(str(make_header(decode_header(name))), address) for name, address in found]


def test_golden() -> None:
    """A plain mail has exactly these bytes."""
    assert wire(STAMP, **{"from": "v@y.test"}) == (
        b"From: noreply@x.test\r\n"
        b"To: a@x.test\r\n"
        b"Reply-To: v@y.test\r\n"
        b"Subject: Hi\r\n"
        b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
        b"Message-ID: <msg_1.mail-api@x.test>\r\n"
        b'Content-Type: text/plain; charset="utf-8"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"MIME-Version: 1.0\r\n"
        b"\r\n"
        b"Hello\r\n"
    )


def test_html() -> None:
    """A mail with an HTML body has a plain text made from it."""
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
    """The receiver reads the given subject, and it adds no header."""
    mail = parsed(wire(subject=subject))
    assert mail["Subject"] == subject
    assert set(mail.keys()) == HEADERS | CONTENT_HEADERS


@given(subject=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=300).filter(str.strip))
def test_any_subject(subject: str) -> None:
    """Any one-line subject adds no header, and the mail stays 7-bit."""
    raw = wire(subject=subject)
    assert raw.isascii()
    assert set(parsed(raw).keys()) == HEADERS | CONTENT_HEADERS


@given(body=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip))
def test_any_body(body: str) -> None:
    """Any body is delivered unchanged, in lines of at most 998 bytes that end with CRLF."""
    raw = wire(body=body)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    expected = body.replace("\r\n", "\n").replace("\r", "\n")
    assert text_of(parsed(raw)).removesuffix("\n") == expected.removesuffix("\n")


@pytest.mark.parametrize(
    "name",
    [
        "Anna Lee",
        "Lee, Anna",
        'Anna "Al" Lee',
        "back\\slash",
        "Zoë 🎉",
        "مرحبا بالعالم",
        "=?utf-8?q?a=0D=0ABcc:_b@y.test?=",
        "a@b.test",
        "word " * 39,
        "字" * 200,
        "(comment); <x@y.test>",
    ],
    ids=lambda name: ascii(name)[:20],
)
def test_names(name: str) -> None:
    """The receiver reads the given name, in any script, and the address alone."""
    raw = wire(to=[{"email": "a@x.test", "name": name}, "b@x.test"], reply_to={"email": "v@y.test", "name": name})
    mail = parsed(raw)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert mailboxes(raw, "To") == [(name.strip(), "a@x.test"), ("", "b@x.test")]
    assert mailboxes(raw, "Reply-To") == [(name.strip(), "v@y.test")]
    assert set(mail.keys()) == HEADERS | CONTENT_HEADERS | {"Reply-To"}


def test_copies() -> None:
    """Cc is in the header, and Bcc is not."""
    mail = parsed(wire(cc=["b@x.test", "c@x.test"], bcc="d@x.test"))
    assert mail["Cc"] == "b@x.test, c@x.test"
    assert "d@x.test" not in str(mail)


def test_fifty_recipients() -> None:
    """A long list of recipients is folded, and parsed completely."""
    raw = wire(to=[f"recipient-number-{number}@subdomain.x.test" for number in range(50)])
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert len(parsed(raw)["To"].addresses) == 50


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"from": "v@y.test", "reply_to": "w@y.test"}, "w@y.test", id="reply_to"),
        pytest.param({"from": "v@y.test", "from_name": "Anna"}, "Anna <v@y.test>", id="name apart"),
        pytest.param({"from": "Ben <v@y.test>", "from_name": "Anna"}, "Ben <v@y.test>", id="two names"),
        pytest.param({"from_name": "Anna"}, None, id="name without an address"),
    ],
)
def test_reply_to(fields: dict[str, Any], expected: str | None) -> None:
    """Reply-To is `reply_to`, or the writer's address."""
    assert parsed(wire(**fields))["Reply-To"] == expected


@pytest.mark.parametrize(
    ("fields", "plain", "markup"),
    [
        pytest.param({"body": "<p>a</p>", "html": True}, "a\n", "<p>a</p>\n", id="original flag"),
        pytest.param({"body": "b", "html": "<p>a</p>"}, "b\n", "<p>a</p>\n", id="body and html"),
        pytest.param({"body": None, "text": "t", "html": "<p>a</p>"}, "t\n", "<p>a</p>\n", id="text and html"),
        pytest.param({"body": None, "html": "<p>a</p>"}, "a\n", "<p>a</p>\n", id="html alone"),
        pytest.param({"body": "<p>a</p>", "text": "t", "html": True}, "t\n", "<p>a</p>\n", id="flag and text"),
    ],
)
def test_parts(fields: dict[str, Any], plain: str, markup: str) -> None:
    """HTML always has a plain text: the given one, or one made from it."""
    mail = parsed(wire(**fields))
    assert (text_of(mail), text_of(mail, "html")) == (plain, markup)


def test_own_headers() -> None:
    """X- headers are sent in any script, and the receiver reads the given values."""
    mail = parsed(wire(headers={"X-Form": "contact", "X-Long": "a" * 500, "x-ort": "Köln, =?utf-8?q?a=0Ab?="}))
    assert (mail["X-Form"], mail["X-Long"], mail["X-Ort"]) == ("contact", "a" * 500, "Köln, =?utf-8?q?a=0Ab?=")


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        pytest.param("a.txt", None, ("a.txt", "text/plain"), id="guessed"),
        pytest.param("a", None, ("a", "application/octet-stream"), id="unknown"),
        pytest.param("Grüße aus Köln.pdf", "application/pdf", ("Grüße aus Köln.pdf", "application/pdf"), id="umlauts"),
        pytest.param("字" * 190 + ".png", "image/png", ("字" * 190 + ".png", "image/png"), id="long"),
        pytest.param('a"; x="b.txt', "text/plain", ('a"; x="b.txt', "text/plain"), id="quotes"),
        pytest.param("C:\\Users\\me\\a.txt", "text/plain", ("a.txt", "text/plain"), id="folders"),
        pytest.param("../../etc/passwd", "text/plain", ("passwd", "text/plain"), id="folders above"),
        pytest.param(
            "=?utf-8?q?a=0D=0AX:_y?=", "application/b", ("=?utf-8?q?a=0D=0AX:_y?=", "application/b"), id="looks encoded"
        ),
        pytest.param("m.eml", "message/rfc822", ("m.eml", "application/octet-stream"), id="a mail"),
        pytest.param("m.eml", None, ("m.eml", "application/octet-stream"), id="guessed to be a mail"),
    ],
)
def test_attachments(name: str, media_type: str | None, expected: tuple[str, str]) -> None:
    """An attachment has its bytes, name and type, beside the text."""
    data = bytes(range(256)) * 20
    file = {"name": name, "type": media_type, "content": base64.encodebytes(data).decode()}
    raw = wire(html=True, body="<p>a</p>", attachments=[file, file])
    mail = parsed(raw)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    found = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in mail.iter_attachments()]
    as_received = data if not expected[1].startswith("text/") else found[0][2]
    assert found == [(*expected, as_received)] * 2
    assert (text_of(mail), text_of(mail, "html")) == ("a\n", "<p>a</p>\n")


PIXEL = {"name": "logo.png", "content": "data:image/png;base64,iVBORw0KGgo=", "content_id": "logo"}


def structure(mail: EmailMessage) -> list[str]:
    """Return the types of all parts, in their order."""
    return [part.get_content_type() for part in mail.walk()]


def test_inline_image() -> None:
    """An image that the HTML shows is beside it; the other files are attached to the whole."""
    file = {"name": "a.pdf", "content": "YQ=="}
    mail = parsed(wire(body="b", html='<p>x</p><img src="cid:logo">', attachments=[file, PIXEL]))
    assert structure(mail) == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    related = mail.get_body(("related",))
    assert related is not None
    (image,) = list(related.iter_attachments())
    assert (image["Content-ID"], image.get_content_disposition(), image.get_filename()) == (
        "<logo>",
        "inline",
        "logo.png",
    )
    assert related["Content-Type"].params["type"] == "text/html"
    assert (text_of(mail), text_of(mail, "html")) == ("b\n", '<p>x</p><img src="cid:logo">\n')


@pytest.mark.parametrize(
    "fields",
    [{"body": "b"}, {"body": "b", "html": "<p>x</p>"}, {"body": "b", "html": "<img src=cid:logo2>"}],
    ids=["no HTML", "HTML without it", "another id"],
)
def test_image_that_is_not_shown(fields: dict[str, Any]) -> None:
    """An image with an id that no HTML shows is an ordinary attachment, so that it is seen."""
    (image,) = list(parsed(wire(**fields, attachments=[PIXEL])).iter_attachments())
    assert (image.get_content_disposition(), image["Content-ID"]) == ("attachment", "<logo>")


def test_long_type() -> None:
    """A type with many parameters is folded."""
    kind = "text/calendar; method=REQUEST; charset=utf-8; component=VEVENT; x-note=" + "a" * 80
    raw = wire(attachments=[{"name": "a.ics", "type": kind, "content": "YQ=="}])
    assert b"text/calendar;\r\n method=REQUEST;\r\n charset=utf-8;\r\n" in raw
    (file,) = list(parsed(raw).iter_attachments())
    assert dict(file["Content-Type"].params)["x-note"] == "a" * 80


def test_sender_with_a_name() -> None:
    """DEFAULT_FROM can have a name."""
    request = SendRequest.model_validate({"to": "a@x.test", "subject": "Hi", "body": "Hello"})
    mail = compose(request, sender=Mailbox("noreply@x.test", "Müller, Web"), stamp=STAMP)
    assert mailboxes(mail.as_bytes(), "From") == [("Müller, Web", "noreply@x.test")]


def test_recipient_twice() -> None:
    """Recipients that differ in the case of the domain are one, in the header too."""
    request = SendRequest.model_validate(
        {"to": ["a@X.test", "Anna <a@x.test>"], "cc": "A@x.test", "bcc": "a@x.TEST", "subject": "s", "body": "b"}
    )
    assert request.recipients == ("a@x.test", "A@x.test")
    assert request.hidden_recipients == ()
    assert mailboxes(wire(to=["a@X.test", "Anna <a@x.test>"]), "To") == [("", "a@x.test")]


@pytest.mark.parametrize("name", ["\u202eAnna\u202c", "An\u200bna\u00ad", "\u2066Anna"], ids=ascii)
def test_hidden_characters_of_names(name: str) -> None:
    """Invisible and bidirectional control characters are removed from display names."""
    raw = wire(STAMP, to={"email": "a@x.test", "name": name}, from_name=name, **{"from": "v@x.test"})
    assert (mailboxes(raw, "To"), mailboxes(raw, "Reply-To")) == ([("Anna", "a@x.test")], [("Anna", "v@x.test")])
    assert mailboxes(wire(STAMP, from_name="\u200b", **{"from": "v@x.test"}), "Reply-To") == [("", "v@x.test")]


def test_international() -> None:
    """Headers have UTF-8 only when an address needs it, and the content stays 7-bit."""
    raw = wire(to="用户@例子.example", body="é", subject="é")
    head, _, content = raw.partition(b"\r\n\r\n")
    assert "\r\nTo: 用户@xn--fsqu00a.example\r\n" in head.decode()
    assert content.isascii()
    assert wire(to="a@例子.example").isascii()


@pytest.mark.parametrize("value", ["a\nBcc: b@y.test", "a\r\n b", "é", "a\0"], ids=ascii)
def test_header_value_with_a_line_break(value: str) -> None:
    """A header value that could start another header raises an error, and no mail is made."""
    with pytest.raises(ValueError, match="unsafe value for header Message-ID"):
        wire(Stamp(value, STAMP.sent_at))
