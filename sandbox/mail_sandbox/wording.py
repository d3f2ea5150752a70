"""What aiosmtpd says by itself, in Gmail's words."""

from mail_sandbox.replies import Answer, text

# aiosmtpd answers protocol errors by itself, in its own words: how those start, and what Gmail says there.
STOCK: tuple[tuple[str, Answer], ...] = (
    ("220 Ready", Answer.START_TLS),
    ("354 ", Answer.GO_AHEAD),
    ("252 ", Answer.NOT_VERIFIED),
    ("454 TLS", Answer.UNRECOGNIZED),
    ("500 Command line too long", Answer.LINE_TOO_LONG),
    ("500 Line too long", Answer.LINE_TOO_LONG),
    ("500 ", Answer.UNRECOGNIZED),
    ("501 5.5.2", Answer.CANNOT_DECODE),
    ("501 5.7.0", Answer.CANNOT_DECODE),
    ("501 ", Answer.SYNTAX_ERROR),
    ("502 ", Answer.UNRECOGNIZED),
    ("503 Error: send", Answer.HELLO_FIRST),
    ("503 Error: need MAIL", Answer.MAIL_FIRST),
    ("503 Error: need RCPT", Answer.RECIPIENT_FIRST),
    ("503 ", Answer.BAD_SEQUENCE),
    ("504 ", Answer.UNKNOWN_MECHANISM),
    ("552 ", Answer.TOO_LARGE),
    ("553 ", Answer.MALFORMED_ADDRESS),
    ("555 ", Answer.SYNTAX_ERROR),
)


def in_gmails_words(reply: str, session: str) -> str:
    """A reply with aiosmtpd's own wording replaced by Gmail's; any other reply unchanged."""
    if reply.endswith("gsmtp"):
        return reply
    for start, answer in STOCK:
        if reply.startswith(start):
            return text(answer, session)
    return reply
