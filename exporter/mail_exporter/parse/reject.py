"""Reject lines of smtpd(8), and the reason from Postfix's texts (src/smtpd/smtpd_check.c, smtpd.c)."""

import re
from functools import lru_cache
from typing import Final

from mail_exporter.events import ClientRejected, LogEvent, RejectReason
from mail_exporter.parse.grammar import ADDRESS, QUEUE_ID

_REJECTED: Final = re.compile(
    rf"(?:(?:NOQUEUE|{QUEUE_ID}): )?(milter-|proxy-)?(?:reject|hangup|abort): [\w .-]+?"
    rf"(?: from [^\s\[]*\[[^\]]*\](?::\d+)?)?: (?:(\d{{3}})[ -])?(?:\d\.\d+\.\d+ )?(?:<{ADDRESS}>: )?(.*)",
    re.DOTALL,
)
_LIMIT: Final = re.compile(r"warning: [A-Z][\w ]+ (?:rate|concurrency) limit exceeded: \d+ from ")
_OF_OTHERS: Final = re.compile(r"; from=<|(?:unverified|undeliverable) address: ")
"""What follows is the text of the client, or of the server that was asked about an address."""

_Rows = tuple[tuple[RejectReason, tuple[str, ...], tuple[str, ...]], ...]
_ANY_PROGRAM: Final[_Rows] = (
    (
        RejectReason.RELAY_DENIED,
        ("relay denied", "relay access denied", "relaying denied", "relaying access denied"),
        (),
    ),
    (
        RejectReason.BLOCKLIST,
        (),
        (
            *("blocked using ", "blocklist", "block list", "blacklist", "black list", "denylist", "dnsbl", " rbl"),
            *("spamhaus", "spamcop", "barracuda", "is listed", "are listed", "listed by ", "listed at "),
            *("poor reputation", "bad reputation", "low reputation"),
        ),
    ),
    (
        RejectReason.GREYLIST,
        (),
        ("greylist", "grey-list", "grey list", "graylist", "gray-list", "gray list"),
    ),
    (RejectReason.SIZE, ("insufficient system storage",), ("message size", "message file too", "message too large")),
    (
        RejectReason.RATE,
        ("error: too much ",),
        (
            "too many ",
            "too much mail",
            "limit exceeded",
            "rate limit",
            "ports busy",
            "ports are busy",
            "throttl",
            "daily limit",
        ),
    ),
    (
        RejectReason.UNAVAILABLE,
        (),
        (
            *("service unavailable", "service is unavailable", "service not available", "currently unavailable"),
            *("temporarily unavailable", "temporary lookup failure", "temporary failure", "server configuration "),
            *("queue file write error", "internal error", "local data error"),
        ),
    ),
    (RejectReason.PROTOCOL, (), ("protocol error",)),
)
"""Reasons of smtpd(8), postscreen(8) and filters, with possible beginnings of the text, and words anywhere in it.

All words are in lower case, and the first row that matches decides.
"""
_POSTFIX: Final[_Rows] = (
    (RejectReason.RECIPIENT, ("recipient address ", "user unknown", "invalid recipient", "address with"), ()),
    (RejectReason.SENDER, ("sender address ", "domain not found", "invalid sender"), ()),
    (RejectReason.HELO, ("helo command ",), ()),
    (RejectReason.CLIENT, ("client host ", "access denied", "unverified client"), ("client certificate ",)),
    (
        RejectReason.PROTOCOL,
        ("error: ",),
        ("pipelining", "command rejected", "syntax", "bare <lf", "bare lf", "bare <newline", "bare newline"),
    ),
    (RejectReason.CONTENT, (), ("content", "header", "body", "virus", "spam")),
)
"""Reasons of smtpd(8) alone."""


def parse(text: str) -> LogEvent | None:
    """Parse a reject line of smtpd(8), postscreen(8), a milter, or a filter before the queue.

    NOQUEUE: reject: RCPT from web[172.18.0.5]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=...
    NOQUEUE: reject: RCPT from [1.2.3.4]:51234: 550 5.7.1 Service unavailable; client [1.2.3.4] blocked using ...
    NOQUEUE: hangup: RCPT from web[172.18.0.5]: <x@y>: Recipient address triggers HANGUP action; from=<a@b> ...
    NOQUEUE: abort: TLS from web[172.18.0.5]: No client certificate presented
    proxy-reject: END-OF-MESSAGE: 550 5.7.1 Spam; from=<a@b> to=<x@y> proto=ESMTP helo=<web>
    4jXSsP52xGzDhqX: reject: END-OF-MESSAGE from web[172.18.0.5]: bare <LF> received; from=<a@b> ...
    4jXSsP52xGzDhqX: milter-reject: END-OF-MESSAGE from web[172.18.0.5]: 4.7.1 Service unavailable; from=<a@b> ...
    """
    # The words are searched first, because that is faster than the expression.
    is_likely = "reject: " in text or "hangup: " in text or "abort: " in text
    found = _REJECTED.fullmatch(text) if is_likely else None
    if found is None:
        return None
    is_filter, code, said = found.groups()
    return ClientRejected(_filter_reason(said) if is_filter else _reason(said, code or ""))


def parse_limit(text: str) -> LogEvent | None:
    """Parse the warning about a client that exceeds a limit of anvil(8).

    warning: Connection rate limit exceeded: 61 from web[172.18.0.5] for service 2525
    """
    return ClientRejected(RejectReason.RATE) if _LIMIT.match(text) else None


def _filter_reason(text: str) -> RejectReason:
    return _find(_own_words(text), _ANY_PROGRAM) or RejectReason.CONTENT


def _reason(text: str, code: str) -> RejectReason:
    found = _smtpd_reason(_own_words(text))
    return found or (RejectReason.PROTOCOL if code.startswith("50") else RejectReason.OTHER)


@lru_cache(maxsize=256)  # a scan has the same text thousands of times
def _smtpd_reason(said: str) -> RejectReason | None:
    return _find(said, _ANY_PROGRAM) or _find(said, _POSTFIX)


def _own_words(text: str) -> str:
    return _OF_OTHERS.split(text, 1)[0].lower()


def _find(said: str, rows: _Rows) -> RejectReason | None:
    for reason, beginnings, words in rows:
        if said.startswith(beginnings):
            return reason
        for word in words:
            if word in said:
                return reason
    return None
