"""The delivery agents: one line per recipient and attempt, in the format of Postfix's src/global/log_adhoc.c."""

import re
from typing import Final

from mail_exporter.events import NOTED, Attempted, Event, Status
from mail_exporter.parse import tls
from mail_exporter.parse.grammar import ADDRESS, QUEUE_ID

DAEMONS: Final = ("smtp", "lmtp", "local", "virtual", "pipe", "discard", "error", "retry")

_ATTEMPT: Final = re.compile(
    rf"({QUEUE_ID}): to=<({ADDRESS})>, (?:orig_to=<({ADDRESS})>, )?relay=(\S+), (?:conn_use=\d+, )?"
    r"delay=([\d.]+), delays=([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+), (?:tls=[^,]*, )?"
    r"dsn=(\d\.\d+\.\d+), status=([A-Za-z]+) \((delivery temporarily suspended: )?(.*)\)",
    re.DOTALL,
)
_NOTED: Final = re.compile(
    rf"(?:{QUEUE_ID}: )?(?:host |connect to |lost connection with |conversation with |enabling PIX|Cannot start TLS"
    r"|SSL_connect |(?:server )?certificate verification |setting up TLS |TLS handshake |untrusted issuer )"
)
_STATUS: Final = {spelling: status for status in Status for spelling in (status.value, status.value.upper())}


def parse(text: str) -> Event | None:
    """Read the end of an attempt for one recipient; a status that Postfix does not have is not understood, so None.

    4jXSsP52xGzDhqX: to=<a@x.org>, relay=smtp.gmail.com[1.2.3.4]:587, delay=0.32, delays=0.1/0.01/0.1/0.11,
        dsn=2.0.0, status=sent (250 2.0.0 OK ...)
    4jXSsP52xGzDhqX: to=<me@x.org>, orig_to=<hi@y.org>, relay=none, delay=9, delays=9/0/0/0, dsn=4.7.8,
        status=deferred (delivery temporarily suspended: SASL authentication failed; ...)

    Postfix 3.11 adds `tls=`; a connection that is used again adds `conn_use=`.
    """
    found = _ATTEMPT.fullmatch(text)
    if found is None:
        return tls.parse(text) or (NOTED if _NOTED.match(text) else None)
    queue_id, recipient, original, relay, delay, a, b, c, d, dsn, word, suspended, reply = found.groups()
    status = _STATUS.get(word)
    if status is None:
        return None
    try:
        return Attempted(
            queue_id,
            recipient,
            original is not None and original != recipient,
            relay,
            float(delay),
            (float(a), float(b), float(c), float(d)),
            dsn,
            status,
            suspended is not None,
            reply,
        )
    except ValueError:  # 1.2.3 looks like a number to the expression above
        return None
