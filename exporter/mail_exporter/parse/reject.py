"""Reject lines of smtpd(8), and the reason from Postfix's texts (src/smtpd/smtpd_check.c, smtpd.c)."""

import re
from typing import Final

from mail_exporter.events import ClientRejected, LogEvent, RejectReason
from mail_exporter.parse.grammar import ADDRESS, QUEUE_ID

_REJECTED: Final = re.compile(
    rf"(?:NOQUEUE|{QUEUE_ID}): (milter-)?reject: [\w .-]+ from [^\s\[]*\[[^\]]*\](?::\d+)?: "
    rf"(?:(\d{{3}}) )?(?:\d\.\d+\.\d+ )?(?:<{ADDRESS}>: )?(.*)",
    re.DOTALL,
)
_LIMIT: Final = re.compile(r"warning: [A-Z][\w ]+ (?:rate|concurrency) limit exceeded: \d+ from ")
_REASONS: Final[tuple[tuple[RejectReason, tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        RejectReason.RELAY_DENIED,
        ("relay denied", "relay access denied", "relaying denied", "relaying access denied"),
        (),
    ),
    (
        RejectReason.RATE,
        ("error: too much ", "error: too many "),
        (
            *("too many recipients", "too many connections", "limit exceeded"),
            *("greylist", "grey-list", "graylist", "gray-list"),
        ),
    ),
    (RejectReason.RECIPIENT, ("recipient address rejected", "user unknown", "invalid recipient", "address with"), ()),
    (RejectReason.SENDER, ("sender address rejected", "domain not found", "invalid sender"), ()),
    (RejectReason.HELO, ("helo command rejected",), ()),
    (
        RejectReason.CLIENT,
        ("client host ", "client certificate ", "service unavailable; ", "access denied", "unverified client"),
        (),
    ),
    (RejectReason.SIZE, ("insufficient system storage",), ("message size", "message file too big")),
    (
        RejectReason.PROTOCOL,
        ("error: ",),
        ("pipelining", "command rejected", "syntax", "bare <lf", "bare lf", "bare <newline", "bare newline"),
    ),
    (RejectReason.CONTENT, (), ("content", "header", "body", "virus", "spam")),
)
"""Each reason with possible beginnings of the text, and words anywhere in it; all in lower case."""


def parse(text: str) -> LogEvent | None:
    """Parse a reject line.

    NOQUEUE: reject: RCPT from web[172.18.0.5]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=...
    4jXSsP52xGzDhqX: reject: END-OF-MESSAGE from web[172.18.0.5]: bare <LF> received; from=<a@b> ...
    4jXSsP52xGzDhqX: milter-reject: END-OF-MESSAGE from web[172.18.0.5]: 5.7.1 Spam; from=<a@b> ...
    """
    found = _REJECTED.fullmatch(text) if "reject: " in text else None
    if found is None:
        return None
    milter, code, said = found.groups()
    return ClientRejected(RejectReason.CONTENT if milter else _reason(said, code or ""))


def parse_limit(text: str) -> LogEvent | None:
    """Parse the warning about a client that exceeds a limit of anvil(8).

    warning: Connection rate limit exceeded: 61 from web[172.18.0.5] for service 2525
    """
    return ClientRejected(RejectReason.RATE) if _LIMIT.match(text) else None


def _reason(text: str, code: str) -> RejectReason:
    # The client's own text follows.
    said = text.partition("; from=<")[0].lower()
    for reason, beginnings, words in _REASONS:
        if said.startswith(beginnings):
            return reason
        for word in words:
            if word in said:
                return reason
    return RejectReason.PROTOCOL if code.startswith("50") else RejectReason.OTHER
