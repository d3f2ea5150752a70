"""Gmail's SMTP replies: one table by situation, and the replacement of aiosmtpd's own texts.

The texts are those in Google's list of SMTP errors (support.google.com/a/answer/3726730).
"""

from dataclasses import dataclass
from enum import StrEnum, auto


class Situation(StrEnum):
    """A situation in an SMTP session with a reply of its own."""

    FLUSHED = auto()
    NOTHING_DONE = auto()
    SENDER_OK = auto()
    RECIPIENT_OK = auto()
    START_TLS = auto()
    CLOSING = auto()
    GO_AHEAD = auto()
    LOGGED_IN = auto()
    NOT_VERIFIED = auto()
    TRY_AGAIN_LATER = auto()
    RATE_LIMITED = auto()
    TEMPORARY_PROBLEM = auto()
    GREYLISTED = auto()
    TOO_MANY_RECIPIENTS = auto()
    TOO_MANY_LOGINS = auto()
    LINE_TOO_LONG = auto()
    UNRECOGNIZED = auto()
    HELLO_FIRST = auto()
    MAIL_FIRST = auto()
    RECIPIENT_FIRST = auto()
    BAD_SEQUENCE = auto()
    UNKNOWN_MECHANISM = auto()
    CANNOT_DECODE = auto()
    STARTTLS_FIRST = auto()
    AUTHENTICATION_REQUIRED = auto()
    APP_PASSWORD_REQUIRED = auto()
    WRONG_PASSWORD = auto()
    NULL_SENDER_REFUSED = auto()
    SENDER_NOT_OWNED = auto()
    UNKNOWN_RECIPIENT = auto()
    LIMIT_REACHED = auto()
    TOO_LARGE = auto()
    FORBIDDEN_CONTENT = auto()
    MALFORMED_ADDRESS = auto()
    SYNTAX_ERROR = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: code, enhanced status code (RFC 3463), lines of text."""

    code: int
    status: str
    lines: tuple[str, ...]


HELP = " https://support.google.com/mail/?p="  # the leading space is Gmail's: two blanks stand before a link

REPLIES: dict[Situation, Reply] = {
    Situation.FLUSHED: Reply(250, "2.1.5", ("Flushed",)),
    Situation.NOTHING_DONE: Reply(250, "2.0.0", ("OK",)),
    Situation.SENDER_OK: Reply(250, "2.1.0", ("OK",)),
    Situation.RECIPIENT_OK: Reply(250, "2.1.5", ("OK",)),
    Situation.START_TLS: Reply(220, "2.0.0", ("Ready to start TLS",)),
    Situation.CLOSING: Reply(221, "2.0.0", ("closing connection",)),
    Situation.GO_AHEAD: Reply(354, "", ("Go ahead",)),
    Situation.LOGGED_IN: Reply(235, "2.7.0", ("Accepted",)),
    Situation.NOT_VERIFIED: Reply(252, "2.1.5", ("Send some mail, I'll try my best",)),
    Situation.TRY_AGAIN_LATER: Reply(421, "4.7.0", ("Try again later, closing connection.",)),
    Situation.RATE_LIMITED: Reply(
        421,
        "4.7.28",
        (
            "Gmail has detected an unusual rate of mail. To protect",
            " our users from spam, mail has been temporarily rate limited. For more",
            " information, go to",
            f"{HELP}UnsolicitedRateLimitError",
        ),
    ),
    Situation.TEMPORARY_PROBLEM: Reply(451, "4.3.0", ("Temporary System Problem. Try again later.",)),
    Situation.GREYLISTED: Reply(451, "4.7.1", ("Greylisted, please try again later.",)),
    Situation.TOO_MANY_RECIPIENTS: Reply(
        452,
        "4.5.3",
        (
            "Your message has too many recipients. For more information",
            "regarding Google's sending limits, go to",
            f"{HELP}TooManyRecipientsError",
        ),
    ),
    Situation.TOO_MANY_LOGINS: Reply(454, "4.7.0", ("Too many login attempts, please try again later.",)),
    Situation.LINE_TOO_LONG: Reply(500, "5.5.2", ("Line too long.",)),
    Situation.UNRECOGNIZED: Reply(502, "5.5.1", ("Unrecognized command.",)),
    Situation.HELLO_FIRST: Reply(503, "5.5.1", ("EHLO/HELO first.",)),
    Situation.MAIL_FIRST: Reply(503, "5.5.1", ("MAIL first.",)),
    Situation.RECIPIENT_FIRST: Reply(503, "5.5.1", ("RCPT first.",)),
    Situation.BAD_SEQUENCE: Reply(503, "5.5.1", ("Bad sequence of commands.",)),
    Situation.UNKNOWN_MECHANISM: Reply(504, "5.7.4", ("Unrecognized Authentication Type.",)),
    Situation.CANNOT_DECODE: Reply(501, "5.5.2", ("Cannot Decode response.",)),
    Situation.STARTTLS_FIRST: Reply(530, "5.7.0", ("Must issue a STARTTLS command first.",)),
    Situation.AUTHENTICATION_REQUIRED: Reply(
        530, "5.7.0", ("Authentication Required. For more information, go to", f"{HELP}WantAuthError")
    ),
    Situation.APP_PASSWORD_REQUIRED: Reply(
        534,
        "5.7.9",
        ("Application-specific password required. For more information, go to", f"{HELP}InvalidSecondFactor"),
    ),
    Situation.WRONG_PASSWORD: Reply(
        535,
        "5.7.8",
        ("Username and Password not accepted. For more information, go to", f"{HELP}BadCredentials"),
    ),
    # Not Gmail's: other relays' (docs/gmail-relay.md, "Other relays").
    Situation.NULL_SENDER_REFUSED: Reply(550, "5.7.1", ("Sender address rejected: null sender not allowed",)),
    Situation.SENDER_NOT_OWNED: Reply(553, "5.7.1", ("Sender address rejected: not owned by user",)),
    Situation.UNKNOWN_RECIPIENT: Reply(
        550,
        "5.1.1",
        (
            "The email account that you tried to reach does not exist. Please try",
            "double-checking the recipient's email address for typos or",
            "unnecessary spaces. For more information, go to",
            f"{HELP}NoSuchUser",
        ),
    ),
    Situation.LIMIT_REACHED: Reply(
        550,
        "5.4.5",
        (
            "Daily user sending limit exceeded. For more information on Gmail",
            "sending limits go to",
            " https://support.google.com/a/answer/166852",
        ),
    ),
    Situation.TOO_LARGE: Reply(
        552,
        "5.3.4",
        (
            "Your message exceeded Google's message size limits. For more",
            "information, go to",
            f"{HELP}MaxSizeError",
        ),
    ),
    Situation.FORBIDDEN_CONTENT: Reply(
        552,
        "5.7.0",
        (
            "This message was blocked because its content presents a potential",
            "security issue (illegal attachment). To review our message content and",
            "attachment guidelines, go to",
            f"{HELP}BlockedMessage",
        ),
    ),
    Situation.MALFORMED_ADDRESS: Reply(553, "5.1.3", ("The address is not a valid RFC 5321 address.",)),
    Situation.SYNTAX_ERROR: Reply(555, "5.5.2", ("Syntax error.",)),
}


def text(answer: Situation, session: str) -> str:
    r"""Return the reply as it is sent, without the last line end.

    `535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8  https://… - gsmtp`
    """
    reply = REPLIES[answer]
    status = f"{reply.status} " if reply.status else ""
    *first, last = reply.lines
    return "\r\n".join(
        [
            *(f"{reply.code}-{status}{line}" for line in first),
            f"{reply.code} {status}{last} {session} - gsmtp",
        ]
    )


def accepted(session: str, *, at: float) -> str:
    """Return the reply to an accepted mail: `250 2.0.0 OK  1763800000 <session> - gsmtp`."""
    return f"250 2.0.0 OK  {int(at)} {session} - gsmtp"


# aiosmtpd answers protocol errors itself: the beginning of each of its replies, and Gmail's reply in its place.
STOCK: tuple[tuple[str, Situation], ...] = (
    ("220 Ready", Situation.START_TLS),
    ("354 ", Situation.GO_AHEAD),
    ("252 ", Situation.NOT_VERIFIED),
    ("454 TLS", Situation.UNRECOGNIZED),
    ("500 Command line too long", Situation.LINE_TOO_LONG),
    ("500 Line too long", Situation.LINE_TOO_LONG),
    ("500 ", Situation.UNRECOGNIZED),
    ("501 5.5.2", Situation.CANNOT_DECODE),
    ("501 5.7.0", Situation.CANNOT_DECODE),
    ("501 ", Situation.SYNTAX_ERROR),
    ("502 ", Situation.UNRECOGNIZED),
    ("503 Error: send", Situation.HELLO_FIRST),
    ("503 Error: need MAIL", Situation.MAIL_FIRST),
    ("503 Error: need RCPT", Situation.RECIPIENT_FIRST),
    ("503 ", Situation.BAD_SEQUENCE),
    ("504 ", Situation.UNKNOWN_MECHANISM),
    ("552 ", Situation.TOO_LARGE),
    ("553 ", Situation.MALFORMED_ADDRESS),
    ("555 ", Situation.SYNTAX_ERROR),
)


def as_gmail(reply: str, session: str) -> str:
    """Return Gmail's reply in place of aiosmtpd's own one; any other reply unchanged."""
    if reply.endswith("gsmtp"):
        return reply
    for start, answer in STOCK:
        if reply.startswith(start):
            return text(answer, session)
    return reply
