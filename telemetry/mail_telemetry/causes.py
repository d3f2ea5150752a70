"""The closed table of why a mail was not taken: one cause, whether a retry can succeed, what to do next.

Metrics, alert texts, runbooks, `explain` and the status API all read this table. Classification goes by the
reply's words first and by the enhanced status code second, because Postfix softens codes: a wrong password is
logged as `dsn=4.7.8 ... deferred` (smtp_sasl_auth_soft_bounce), a reached daily limit as 4.4.5.
Sources: Gmail SMTP errors and codes (Google Workspace Admin Help), RFC 3463, Postfix smtp(8).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class Cause(StrEnum):
    """Why a delivery attempt failed."""

    AUTH = "auth"
    AUTH_RATE = "auth_rate"
    QUOTA = "quota"
    RATE = "rate"
    TLS = "tls"
    DNS = "dns"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    RECIPIENT = "recipient"
    SENDER_POLICY = "sender_policy"
    CONTENT = "content"
    SIZE = "size"
    LOOP = "loop"
    GREYLIST = "greylist"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a cause means to the person who has to act on it."""

    meaning: str
    retry_can_succeed: bool
    next_step: str


EXPLANATIONS: Final[dict[Cause, Explanation]] = {
    Cause.AUTH: Explanation(
        "The relay refuses our user name or password.",
        retry_can_succeed=False,
        next_step="Make a new app password and set SMTP_RELAY_USERNAME and SMTP_RELAY_PASSWORD; "
        "changing the account's password revokes app passwords. Mail waits in the queue until then.",
    ),
    Cause.AUTH_RATE: Explanation(
        "The relay saw too many logins in a short time.",
        retry_can_succeed=True,
        next_step="Wait; raise RELAY_RATE_DELAY if it comes back, so that one connection is reused.",
    ),
    Cause.QUOTA: Explanation(
        "The relay account's daily sending limit is used up.",
        retry_can_succeed=True,
        next_step="Wait for the rolling 24 hours to move on; send less, or use an account with a higher limit.",
    ),
    Cause.RATE: Explanation(
        "The relay asks us to slow down.",
        retry_can_succeed=True,
        next_step="Wait; raise RELAY_RATE_DELAY if it comes back.",
    ),
    Cause.TLS: Explanation(
        "No trusted encrypted connection to the relay could be made.",
        retry_can_succeed=False,
        next_step="Check SMTP_RELAY_HOST, SMTP_RELAY_PORT, USE_TLS and TLS_VERIFY, and the server's clock.",
    ),
    Cause.DNS: Explanation(
        "The name of the relay or of the recipient's domain could not be resolved.",
        retry_can_succeed=True,
        next_step="Check SMTP_RELAY_HOST for a typing error, and the server's name resolution.",
    ),
    Cause.CONNECT: Explanation(
        "No connection to the relay could be made, or it broke.",
        retry_can_succeed=True,
        next_step="Check that the network lets SMTP_RELAY_PORT out and that the relay is up.",
    ),
    Cause.TIMEOUT: Explanation(
        "The relay did not answer in time.",
        retry_can_succeed=True,
        next_step="Wait; check the network if it goes on for more than a few minutes.",
    ),
    Cause.RECIPIENT: Explanation(
        "The recipient's address does not exist, is disabled or its mailbox is full.",
        retry_can_succeed=False,
        next_step="Correct the address: DEFAULT_TO and FORWARD_EMAIL, or what the website sends as `to`.",
    ),
    Cause.SENDER_POLICY: Explanation(
        "The relay does not accept this sender: SPF, DKIM, DMARC, reverse DNS or a domain policy.",
        retry_can_succeed=False,
        next_step="Use the relay account's own address as DEFAULT_FROM, or verify it there as an alias.",
    ),
    Cause.CONTENT: Explanation(
        "The relay refuses the content: taken for spam, a forbidden attachment or a malformed header.",
        retry_can_succeed=False,
        next_step="Look at the relay's words; keep attachments out and links few.",
    ),
    Cause.SIZE: Explanation(
        "The mail is larger than the relay takes.",
        retry_can_succeed=False,
        next_step="Lower MESSAGE_SIZE_LIMIT so that senders are told at once.",
    ),
    Cause.LOOP: Explanation(
        "The mail went in a circle.",
        retry_can_succeed=False,
        next_step="Make sure that FORWARD_EMAIL does not lead back to MAIL_DOMAIN.",
    ),
    Cause.GREYLIST: Explanation(
        "The receiving server wants us to come back later, as it does with everybody new.",
        retry_can_succeed=True,
        next_step="Nothing: Postfix tries again by itself.",
    ),
    Cause.OTHER: Explanation(
        "A reason that this table does not know yet.",
        retry_can_succeed=True,
        next_step="Read the relay's words in the log, and report them so that they get a cause.",
    ),
}


class _Said(NamedTuple):
    """What tells a cause: any of these words, in lower case, or an expression where its words stand.

    Words are looked for as they are: expressions that ignore case cost thirty times as much, and a flood of refused
    mail is just when a backlog is to be read.
    """

    cause: Cause
    words: tuple[str, ...] = ()
    expressions: Mapping[str, re.Pattern[str]] = MappingProxyType({})

    def is_in(self, text: str) -> bool:
        """Tell whether a text in lower case says this."""
        for word in self.words:
            if word in text:
                return True
        return any(word in text and pattern.search(text) for word, pattern in self.expressions.items())


_POLICIES: Final = {name: re.compile(rf"\b{name}\b") for name in ("spf", "dkim", "dmarc")}
_POLICY_CODE: Final = {".7.": re.compile(r"[45]\.7\.(?:2[4-7]|29|30|32)\b")}
_ADDRESS_AND_PORT: Final = {"connect to ": re.compile(r"connect to \S+:\d+:")}
_MAILBOXES: Final = {
    name: re.compile(rf"{name}.{{0,40}}(?:disabled|inactive|full|over quota|out of storage|unavailable)")
    for name in ("account", "mailbox", "inbox")
}
_TEXTS: Final = (
    # The order matters: what is said more precisely comes first.
    _Said(
        Cause.QUOTA,
        (
            "daily user sending limit exceeded",
            "daily user sending quota exceeded",
            "daily smtp relay limit exceeded",
            "daily smtp relay quota exceeded",
            "dailylimitexceeded",
        ),
    ),
    _Said(Cause.AUTH_RATE, ("too many login attempts",)),
    _Said(Cause.RATE, ("temporary system problem", "temporarily rejected message")),
    _Said(
        Cause.TLS,
        ("must issue a starttls", "tls is required", "start tls", "certificate", "tls handshake", "ssl_"),
    ),
    _Said(
        Cause.AUTH,
        (
            "sasl authentication fail",
            "sasl [cached] authentication fail",
            "password not accepted",
            "badcredentials",
            "application-specific password",
            "webloginrequired",
            "authentication required",
            "no mechanism available",
        ),
    ),
    _Said(Cause.GREYLIST, ("greylist", "grey-list", "graylist", "gray-list")),
    _Said(Cause.SIZE, ("size limit", "message size", "message too large", "message exceeds", "file size too large")),
    _Said(Cause.LOOP, ("mail loop", "loops back to myself", "too many hops", "hop count")),
    _Said(
        Cause.DNS,
        (
            "name service error",
            "host not found",
            "host or domain name not found",
            "domain not found",
            "unable to look up host",
            "name resolution",
            "nullmx",
        ),
    ),
    _Said(Cause.TIMEOUT, ("timed out", "timeout")),
    _Said(
        Cause.CONNECT,
        (
            "connection refused",
            "no route to host",
            "network is unreachable",
            "lost connection",
            "connection reset",
        ),
        _ADDRESS_AND_PORT,
    ),
    _Said(
        Cause.SENDER_POLICY,
        (
            "ptr record",
            "unauthenticated",
            "relay denied",
            "relay access denied",
            "relaying denied",
            "relaying access denied",
            "policy prohibited",
            "policy that prohibited",
            "identity changes",
        ),
        _POLICIES | _POLICY_CODE,
    ),
    _Said(
        Cause.RATE,
        (
            "unusual rate",
            "try again later, closing",
            "receiving mail too quickly",
            "at a rate that",
            "server busy",
            "peak smtp relay",
            "too many connections",
            "too many messages",
            "rate limit",
        ),
    ),
    _Said(
        Cause.RECIPIENT,
        (
            "does not exist",
            "user unknown",
            "unknown user",
            "no such user",
            "recipient address rejected",
            "too many recipients",
        ),
        _MAILBOXES,
    ),
    _Said(
        Cause.CONTENT,
        (
            "likely unsolicited",
            "spam",
            "illegal attachment",
            "potential security issue",
            "virus",
            "rfc 5322",
            "rfc5322",
            "missing a valid message-id",
            "missing a valid from",
        ),
    ),
    _Said(Cause.CONNECT, ("refused to talk to me",)),
)

_CODES: Final = tuple(
    (cause, re.compile(pattern))
    for cause, pattern in (
        (Cause.RATE, r"[45]\.7\.28"),
        (Cause.SENDER_POLICY, r"[45]\.7\.(24|25|26|27|29|30|32)"),
        (Cause.TLS, r"[45]\.7\.[45]"),
        (Cause.AUTH, r"[45]\.7\.(8|9|14)"),
        (Cause.QUOTA, r"[45]\.4\.5"),
        (Cause.LOOP, r"5\.4\.6"),
        (Cause.DNS, r"[45]\.4\.[34]"),
        (Cause.CONNECT, r"[45]\.4\.1"),
        (Cause.TIMEOUT, r"[45]\.4\.2"),
        (Cause.SIZE, r"[45]\.(3\.4|2\.3)"),
        (Cause.RECIPIENT, r"[45]\.([12]\.[0-9]+|5\.3)"),
        (Cause.CONTENT, r"[45]\.(6\.[0-9]+|7\.[01])"),
    )
)


def classify(text: str, dsn: str) -> Cause:
    """Return the cause of a failed attempt.

    Args:
        text: what stands in parentheses behind `status=` in the log line.
        dsn: the enhanced status code of the log line, as in `4.7.8` (RFC 3463).
    """
    lowered = text.lower()
    for said in _TEXTS:
        if said.is_in(lowered):
            return said.cause
    for cause, pattern in _CODES:
        if pattern.fullmatch(dsn):
            return cause
    return Cause.OTHER
