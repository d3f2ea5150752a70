"""Gmail's replies as they are sent."""

import re

import pytest

from mail_sandbox.replies import Situation, accepted, as_gmail, text


@pytest.mark.parametrize("answer", Situation, ids=str)
def test_every_reply_is_well_formed(answer: Situation) -> None:
    """All lines have the same code and status. All but the last have a hyphen; the last has the session id."""
    *first, last = text(answer, "abc123.4").split("\r\n")
    code = last[:3]
    status = re.match(r"[245]\.\d+\.\d+ ", last[4:])
    prefix = status[0] if status else ""
    assert all(line.startswith(f"{code}-{prefix}") for line in first)
    assert last.endswith(" abc123.4 - gsmtp")
    assert last[3] == " "
    assert not status or status[0][0] == code[0]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            Situation.WRONG_PASSWORD,
            "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
            "535 5.7.8  https://support.google.com/mail/?p=BadCredentials s - gsmtp",
            id="wrong password",
        ),
        pytest.param(
            Situation.LIMIT_REACHED,
            "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n"
            "550-5.4.5 sending limits go to\r\n"
            "550 5.4.5  https://support.google.com/a/answer/166852 s - gsmtp",
            id="limit reached",
        ),
        pytest.param(
            Situation.TRY_AGAIN_LATER, "421 4.7.0 Try again later, closing connection. s - gsmtp", id="one line"
        ),
        pytest.param(Situation.GO_AHEAD, "354 Go ahead s - gsmtp", id="no status"),
    ],
)
def test_replies_equal_gmails(answer: Situation, expected: str) -> None:
    """Replies that the mail server classifies have Gmail's exact text."""
    assert expected == text(answer, "s")


def test_an_accepted_mail_is_answered_with_the_time() -> None:
    """The reply to an accepted mail contains the time in seconds."""
    assert accepted("s", at=1763800000.7) == "250 2.0.0 OK  1763800000 s - gsmtp"


@pytest.mark.parametrize(
    ("stock", "expected"),
    [
        ("354 End data with <CR><LF>.<CR><LF>", "354 Go ahead s - gsmtp"),
        ("503 Error: need RCPT command", "503 5.5.1 RCPT first. s - gsmtp"),
        ('500 Error: command "X" not recognized', "502 5.5.1 Unrecognized command. s - gsmtp"),
        ("334 VXNlcm5hbWU6", "334 VXNlcm5hbWU6"),
        ("250 2.1.0 OK x - gsmtp", "250 2.1.0 OK x - gsmtp"),
    ],
    ids=["data", "sequence", "unknown", "challenge", "already a reply of Gmail"],
)
def test_stock_replies_are_replaced(stock: str, expected: str) -> None:
    """Default replies of aiosmtpd are replaced by Gmail's."""
    assert expected == as_gmail(stock, "s")
