"""Delivery agents: one line per recipient and attempt, in the format of Postfix's src/global/log_adhoc.c."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, AttemptLogged, Delays, DeliveryStatus, HostFailed, LogEvent
from mail_exporter.parse import notes, tls
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
    r"|SSL_connect |TLS handshake )"
)
_ENABLED: Final = re.compile(r"enabling |host \S+ offers ")
_FAILED: Final = re.compile(
    r"(?i)\b(?:TLS|SSL_connect|SASL|certificate|REQUIRETLS|SMTPUTF8|DANE|STARTTLS|size limit|protocol error|refused"
    r"|lost connection|conversation with|timed out|(?:host|server) \S+\[)"
)
_HOST: Final = re.compile(r"\b(?:host|server|with|to|for|by) ([^\s\[\]]+\[[^\s\]]*\](?::\d+)?)")
_CODE: Final = re.compile(r" said: \d{3}[ -](\d\.\d{1,3}\.\d{1,3})")
_STATUS: Final = {
    spelling: status for status in DeliveryStatus for spelling in (status.value, status.value.upper())
} | {f"{status.value}-but-not-cached": status for status in (DeliveryStatus.DELIVERABLE, DeliveryStatus.UNDELIVERABLE)}


def parse(text: str) -> LogEvent | None:
    """Parse the end of an attempt for one recipient, or a line about a host that is not the last one.

    4jXSsP52xGzDhqX: to=<a@x.org>, relay=smtp.gmail.com[1.2.3.4]:587, delay=0.32, delays=0.1/0.01/0.1/0.11,
        dsn=2.0.0, status=sent (250 2.0.0 OK ...)
    4jXSsP52xGzDhqX: to=<me@x.org>, orig_to=<hi@y.org>, relay=none, delay=9, delays=9/0/0/0, dsn=4.7.8,
        status=deferred (delivery temporarily suspended: SASL authentication failed; ...)

    4jXSsP52xGzDhqX: host mx1.x.org[1.2.3.4] said: 450 4.2.1 busy (in reply to RCPT TO command)
    4jXSsP52xGzDhqX: Server certificate not trusted

    Postfix 3.11 adds `tls=`; a reused connection adds `conn_use=`. The closing parenthesis is missing in a truncated
    line. An unknown status returns None.
    """
    queue_id, said = split_id(text)
    if said.startswith("to=<"):
        return parse_attempt(queue_id, said)
    return tls.parse(text) or notes.parse(text) or _parse_other(text, said)


def _parse_other(text: str, said: str) -> LogEvent | None:
    """Parse a failure of one host; Postfix logs it with a queue id only when it tries another host."""
    if said and _ENABLED.match(said) is None and _FAILED.search(said) is not None:
        host, code = _HOST.search(said), _CODE.search(said)
        return HostFailed(host[1] if host else "", said, code[1] if code else "")
    return NO_EVENT if _NOTED.match(text) or tls.is_verbose(text) else None


def parse_attempt(queue_id: str, said: str) -> AttemptLogged | None:
    """Parse the text after the queue id, from `to=<` on; return None when it is not the end of an attempt."""
    recipient, rest = split_address(said[4:])
    original = ""
    if rest.startswith("orig_to=<"):
        original, rest = split_address(rest[9:])
    shown, _, words = rest.partition(" (")
    fields = shown.split(", ")
    if len(fields) > _FIELD_COUNT and fields[1].startswith("conn_use="):
        del fields[1]
    if len(fields) > _FIELD_COUNT and fields[3].startswith("tls="):
        del fields[3]
    if len(fields) != _FIELD_COUNT:
        return None
    relay, delay, delays, dsn, status = fields
    if not (
        relay.startswith("relay=")
        and " " not in relay
        and delay.startswith("delay=")
        and delays.startswith("delays=")
        and dsn.startswith("dsn=")
        and not dsn[4:].strip("0123456789.")
        and status.startswith("status=")
    ):
        return None
    known = _STATUS.get(status[7:])
    if known is None:
        return None
    suspended = words.startswith(_SUSPENDED)
    # Without the parenthesis the line was truncated: by postlogd(8) at 2,000 characters, by others earlier.
    end = len(words) - 1 if words.endswith(")") else len(words)
    reply = words[len(_SUSPENDED) : end] if suspended else words[:end]
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
