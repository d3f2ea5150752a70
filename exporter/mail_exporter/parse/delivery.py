"""Delivery agents: one line per recipient and attempt, in the format of Postfix's src/global/log_adhoc.c."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, AttemptLogged, Delays, DeliveryStatus, LogEvent
from mail_exporter.parse import tls
from mail_exporter.parse.grammar import QUEUE_ID, split_address, split_id

DAEMONS: Final = ("smtp", "lmtp", "local", "virtual", "pipe", "discard", "error", "retry")

_FIELD_COUNT: Final = 5
"""Relay, delay, delays, dsn, status."""
_NUMBER: Final = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
_known_numbers: Final[dict[str, float]] = {}
"""Delays have two significant digits, so that few distinct texts occur."""
_MOST_KNOWN: Final = 4096
_SUSPENDED: Final = "delivery temporarily suspended: "
_NOTED: Final = re.compile(
    rf"(?:{QUEUE_ID}: )?(?:host |connect to |lost connection with |conversation with |enabling PIX|Cannot start TLS"
    r"|SSL_connect |(?:server )?certificate verification |setting up TLS |TLS handshake |untrusted issuer )"
)
_STATUS: Final = {spelling: status for status in DeliveryStatus for spelling in (status.value, status.value.upper())}


def parse(text: str) -> LogEvent | None:
    """Parse the end of an attempt for one recipient; return None for an unknown status.

    4jXSsP52xGzDhqX: to=<a@x.org>, relay=smtp.gmail.com[1.2.3.4]:587, delay=0.32, delays=0.1/0.01/0.1/0.11,
        dsn=2.0.0, status=sent (250 2.0.0 OK ...)
    4jXSsP52xGzDhqX: to=<me@x.org>, orig_to=<hi@y.org>, relay=none, delay=9, delays=9/0/0/0, dsn=4.7.8,
        status=deferred (delivery temporarily suspended: SASL authentication failed; ...)

    Postfix 3.11 adds `tls=`; a reused connection adds `conn_use=`.
    """
    queue_id, said = split_id(text)
    attempt = _attempt(queue_id, said) if said.startswith("to=<") else None
    if attempt is not None:
        return attempt
    return tls.parse(text) or (NO_EVENT if _NOTED.match(text) else None)


def _attempt(queue_id: str, said: str) -> AttemptLogged | None:
    recipient, rest = split_address(said[4:])
    original = ""
    if rest.startswith("orig_to=<"):
        original, rest = split_address(rest[9:])
    shown, _, words = rest.partition(" (")
    fields = shown.split(", ")
    if len(fields) > _FIELD_COUNT:
        fields = [field for field in fields if not field.startswith(("conn_use=", "tls="))]
    if len(fields) != _FIELD_COUNT or not words.endswith(")"):
        return None
    relay, delay, delays, dsn, status = fields
    if not (
        relay.startswith("relay=")
        and " " not in relay
        and delay.startswith("delay=")
        and delays.startswith("delays=")
        and dsn.startswith("dsn=")
        and dsn[4:].replace(".", "").isdecimal()
        and status.startswith("status=")
    ):
        return None
    known = _STATUS.get(status[7:])
    if known is None:
        return None
    suspended = words.startswith(_SUSPENDED)
    reply = words[len(_SUSPENDED) : -1] if suspended else words[:-1]
    forwarded = original not in ("", recipient)
    try:
        total, stages = _seconds(delay[6:]), _stages(delays[7:])
    except ValueError:  # a delay is not a number
        return None
    # Positional, because in a compiled module keywords take twice as long for a dataclass.
    return AttemptLogged(queue_id, recipient, relay[6:], total, stages, dsn[4:], known, reply, forwarded, suspended)


def _stages(delays: str) -> Delays:
    a, b, c, d = delays.split("/")
    return _seconds(a), _seconds(b), _seconds(c), _seconds(d)


def _seconds(text: str) -> float:
    known = _known_numbers.get(text)
    if known is None:
        if _NUMBER.fullmatch(text) is None:
            raise ValueError(text)
        if len(_known_numbers) >= _MOST_KNOWN:
            _known_numbers.clear()
        known = _known_numbers[text] = float(text)
    return known
