"""Headers of a mail after Gmail has changed them."""

import pytest

from mail_sandbox.gmail_headers import Arrival, as_delivered, split

ARRIVAL = Arrival(
    account="me@gmail.example",
    session="abc.1",
    client_name="mail.example.com",
    client_address="192.0.2.1",
    tls="version=TLSv1.3 cipher=X",
    recipients=("you@example.org",),
    at=1_763_800_000,
)
TRACE = (
    b"Return-Path: <me@gmail.example>\r\n"
    b"Received: from mail.example.com ([192.0.2.1])\r\n"
    b"        by smtp.gmail.com with ESMTPSA id abc.1\r\n"
    b"        for <you@example.org>\r\n"
    b"        (version=TLSv1.3 cipher=X);\r\n"
    b"        Sat, 22 Nov 2025 08:26:40 -0000\r\n"
)
OWN = b"From: Me <me@gmail.example>\r\nMessage-ID: <1@example.com>\r\n"


def delivered(message: bytes) -> bytes:
    """Return the delivered mail without the trace headers, which are always the same."""
    result = as_delivered(message, ARRIVAL)
    assert result.startswith(TRACE)
    return result.removeprefix(TRACE)


def test_mail_of_the_account_is_unchanged() -> None:
    """Gmail does not change odd spacing, folding, bytes above 127 or the body of the account's own mail."""
    message = b"X-Odd :  a\r\n\t b\r\nFrom:  <ME@gmail.example>\r\nSubject: \xe4\r\nMessage-Id: <1@x>\r\n\r\nA\nB\rC"
    assert delivered(message) == message


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        (b"joe@x.example", b"me@gmail.example"),
        (b"<joe@x.example>", b"me@gmail.example"),
        (b'"Joe, the" <joe@x.example>', b'"Joe, the" <me@gmail.example>'),
        (b"=?utf-8?q?J=C3=B6?= <joe@x.example>", b"=?utf-8?q?J=C3=B6?= <me@gmail.example>"),
        (b"a@x.example, b@y.example", b"me@gmail.example"),
    ],
    ids=["address", "in brackets", "quoted name", "encoded name", "two"],
)
def test_another_sender_is_replaced(original: bytes, expected: bytes) -> None:
    """From gets the account's address with the given name, and the original From is kept in another header."""
    message = b"From: " + original + b"\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n"
    rewritten = b"X-Google-Original-From: " + original + b"\r\nFrom: " + expected
    assert delivered(message) == rewritten + b"\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n"


def test_missing_sender_is_added() -> None:
    """A mail without From gets the account's address."""
    assert delivered(b"Message-ID: <1@x>\r\n\r\n").startswith(b"From: me@gmail.example\r\n")


@pytest.mark.parametrize("bad", [b"abc", b"<a b@x>", b"<abc>", b"a@b"], ids=["bare", "space", "no at", "no brackets"])
def test_a_malformed_message_id_is_replaced(bad: bytes) -> None:
    """A malformed Message-ID is replaced, and the original is kept in another header."""
    message = b"From: me@gmail.example\r\nMessage-ID: " + bad + b"\r\n\r\n"
    assert delivered(message) == (
        b"From: me@gmail.example\r\n"
        b"X-Google-Original-Message-ID: " + bad + b"\r\n"
        b"Message-ID: <abc.1.SMTPIN_ADDED_BROKEN@mx.google.com>\r\n\r\n"
    )


def test_missing_message_id_is_added() -> None:
    """A mail without a Message-ID gets one."""
    assert b"Message-ID: <abc.1.SMTPIN_ADDED_BROKEN@mx.google.com>\r\n" in delivered(b"From: a@b\r\n\r\n")


def test_several_recipients_are_not_disclosed() -> None:
    """With several recipients, the Received header names none of them."""
    arrival = Arrival(**{name: getattr(ARRIVAL, name) for name in Arrival.__slots__} | {"recipients": ("a@b", "c@d")})
    assert b"for <" not in as_delivered(OWN + b"\r\n", arrival)


@pytest.mark.parametrize(
    ("message", "names", "rest"),
    [
        (b"", [], b""),
        (b"\r\nbody: x\r\n", [], b"\r\nbody: x\r\n"),
        (b"A: 1\nB: 2\n\nC: 3\n", ["A", "B"], b"\nC: 3\n"),
        (b"A: 1\r\nno header\r\nB: 2\r\n\r\n", ["A"], b"no header\r\nB: 2\r\n\r\n"),
        (b" lone continuation\r\nA: 1\r\n", [], b" lone continuation\r\nA: 1\r\n"),
        (b"A: 1\r\n\tmore\r\n\r\n", ["A"], b"\r\n"),
    ],
    ids=["nothing", "no header", "bare line feeds", "body at once", "continuation first", "folded"],
)
def test_malformed_headers(message: bytes, names: list[str], rest: bytes) -> None:
    """No content is lost, however malformed the header is."""
    fields, found = split(message)
    assert ([field.name for field in fields], found) == (names, rest)
    assert b"".join(field.lines for field in fields) + found == message
