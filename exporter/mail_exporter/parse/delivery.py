"""The delivery agents: one line per recipient and attempt, in the format of Postfix's src/global/log_adhoc.c."""

import re
from typing import Final

from mail_exporter.events import Attempted, Delays, Event, Noted, Status
from mail_exporter.parse.grammar import ADDRESS, QUEUE_ID
from mail_exporter.record import LogRecord

DAEMONS: Final = ("smtp", "lmtp", "local", "virtual", "pipe", "discard", "error", "retry")

_ATTEMPT: Final = re.compile(
    rf"(?P<queue_id>{QUEUE_ID}): to=<(?P<recipient>{ADDRESS})>, (?:orig_to=<{ADDRESS}>, )?relay=(?P<relay>\S+), "
    r"(?:conn_use=\d+, )?delay=(?P<delay>[\d.]+), delays=(?P<a>[\d.]+)/(?P<b>[\d.]+)/(?P<c>[\d.]+)/(?P<d>[\d.]+), "
    r"(?:tls=[^,]*, )?dsn=(?P<dsn>\d\.\d+\.\d+), status=(?P<status>[A-Za-z]+) \((?P<text>.*)\)",
    re.DOTALL,
)
_NOTED: Final = re.compile(
    rf"(?:{QUEUE_ID}: )?(?P<what>host |connect to |lost connection with |conversation with |enabling PIX"
    r"|(?:Anonymous|Untrusted|Trusted|Verified) TLS connection|Cannot start TLS|SSL_connect)"
)


def parse(record: LogRecord) -> Event | None:
    """Read the end of an attempt for one recipient; a status that Postfix does not have is not understood, so None.

    4jXSsP52xGzDhqX: to=<a@x.org>, relay=smtp.gmail.com[1.2.3.4]:587, delay=0.32, delays=0.1/0.01/0.1/0.11,
        dsn=2.0.0, status=sent (250 2.0.0 OK ...)
    """
    found = _ATTEMPT.fullmatch(record.text)
    if found is None:
        noted = _NOTED.match(record.text)
        return Noted(noted["what"].strip()) if noted else None
    queue_id, recipient, relay, delay, a, b, c, d, dsn, status, text = found.groups()
    try:
        return Attempted(
            queue_id=queue_id,
            recipient=recipient,
            relay=relay,
            delay=float(delay),
            delays=Delays(float(a), float(b), float(c), float(d)),
            dsn=dsn,
            status=Status(status.lower()),
            text=text,
        )
    except ValueError:
        return None
