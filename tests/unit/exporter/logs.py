"""Log lines of Postfix for tests: all lines of one mail."""

from collections.abc import Iterator

QUEUE_ID = "4jXSsP52xGzDhqX"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_SPAN_ID = "b7ad6b7169203331"
API_ID = "msg_0123456789abcdefghjkmnpqrs"


def line(daemon: str, text: str, second: int = 0) -> str:
    """Return one line without line end; `second` is a second of 12:00 on 22 November."""
    return f"Nov 22 12:00:{second:02d} mail postfix/{daemon}[7]: {text}"


def accepted(queue_id: str = QUEUE_ID, *, trace: str | None = "01", daemon: str = "internal/smtpd") -> Iterator[str]:
    """Yield the lines of an accepted mail; `trace` is the flags of its traceparent."""
    ident = f", orig_queue_id=00-{TRACE_ID}-{PARENT_SPAN_ID}-{trace}" if trace else ""
    yield line(daemon, f"{queue_id}: client=mail-api[172.18.0.5]{ident}")
    yield line("cleanup", f"{queue_id}: message-id=<{API_ID}.mail-api@dinky.example>")
    yield active(queue_id)


def active(queue_id: str = QUEUE_ID, *, recipients: int = 1, second: int = 0) -> str:
    """Return the line of a mail that is activated."""
    return line("qmgr", f"{queue_id}: from=<hi@dinky.example>, size=700, nrcpt={recipients} (queue active)", second)


def sent(queue_id: str = QUEUE_ID, *, delay: str = "0.32", delays: str = "0.1/0.02/0.1/0.1", to: str = "a") -> str:
    """Return the line of a successful attempt."""
    return line(
        "smtp",
        f"{queue_id}: to=<{to}@x.example>, relay=smtp.gmail.com[1.2.3.4]:587, delay={delay}, delays={delays}, "
        "dsn=2.0.0, status=sent (250 2.0.0 OK  1763800000 x - gsmtp)",
        second=1,
    )


WRONG_PASSWORD = (
    "SASL authentication failed; server smtp.gmail.com[1.2.3.4] said: 535-5.7.8 Username and Password not accepted for "
    "anna@x.example"
)


def deferred(queue_id: str = QUEUE_ID, *, text: str = WRONG_PASSWORD, dsn: str = "4.7.8") -> str:
    """Return the line of a failed attempt, by default with a wrong password."""
    return line(
        "smtp",
        f"{queue_id}: to=<a@x.example>, relay=smtp.gmail.com[1.2.3.4]:587, delay=0.4, delays=0.1/0.1/0.2/0, dsn={dsn}, "
        f"status=deferred ({text})",
        second=1,
    )


def expired(queue_id: str = QUEUE_ID) -> str:
    """Return the line of a mail that expires."""
    return line("qmgr", f"{queue_id}: from=<hi@dinky.example>, status=expired, returned to sender", second=2)


def removed(queue_id: str = QUEUE_ID) -> str:
    """Return the last line of a mail."""
    return line("qmgr", f"{queue_id}: removed", second=2)
