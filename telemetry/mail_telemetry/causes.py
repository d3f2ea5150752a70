"""Causes of delivery failures: classification of replies, and for each cause its meaning, retry and next step.

Metrics, alert texts, runbooks, `explain` and the status API use this table. The text of the reply is matched first
and the enhanced status code second, because Postfix softens codes: a wrong password is logged as
`dsn=4.7.8 ... deferred` (smtp_sasl_auth_soft_bounce), a reached daily limit as 4.4.5.
Sources: Gmail SMTP errors and codes (Google Workspace Admin Help), RFC 3463, Postfix smtp(8).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


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
    """Meaning of a cause, whether a retry can succeed, and the next step for the operator."""

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
        next_step="Read the relay's reply; avoid attachments and send few links.",
    ),
    Cause.SIZE: Explanation(
        "The mail is larger than the relay takes.",
        retry_can_succeed=False,
        next_step="Lower MESSAGE_SIZE_LIMIT so that senders get the error at once.",
    ),
    Cause.LOOP: Explanation(
        "The mail is in a forwarding loop.",
        retry_can_succeed=False,
        next_step="Make sure that FORWARD_EMAIL does not lead back to MAIL_DOMAIN.",
    ),
    Cause.GREYLIST: Explanation(
        "The receiving server defers mail from new senders (greylisting).",
        retry_can_succeed=True,
        next_step="Nothing: Postfix tries again by itself.",
    ),
    Cause.OTHER: Explanation(
        "A reason without a known cause.",
        retry_can_succeed=True,
        next_step="Read the relay's reply in the log, and report it so that a cause is added.",
    ),
}

_UNUSABLE: Final = r".{0,40}(?:disabled|inactive|full|over quota|out of storage|unavailable)"
_TEXTS: Final[tuple[tuple[Cause, Mapping[str, str]], ...]] = (
    # The order matters: more specific texts come first.
    (Cause.QUOTA, {"daily": r"daily (?:user sending|smtp relay) (?:limit|quota) exceeded|dailylimitexceeded"}),
    (Cause.AUTH_RATE, {"too many login attempts": ""}),
    (Cause.RATE, {"temporar": r"temporary system problem|temporarily rejected message"}),
    (
        Cause.TLS,
        {"tls": r"must issue a starttls|tls is required|start tls|tls handshake", "certificate": "", "ssl_": ""},
    ),
    (
        Cause.AUTH,
        {
            "authentication": r"sasl (?:\[cached\] )?authentication fail|authentication required",
            "password": r"password not accepted|application-specific password",
            "badcredentials": "",
            "webloginrequired": "",
            "no mechanism available": "",
        },
    ),
    (Cause.GREYLIST, {"list": r"gr[ae]y-?list"}),
    (
        Cause.SIZE,
        {"size": r"size limit|message size|file size too large", "message ": r"message (?:too large|exceeds)"},
    ),
    (Cause.LOOP, {"loop": r"mail loop|loops back to myself", "hop": r"too many hops|hop count"}),
    (
        Cause.DNS,
        {
            "name": r"name service error|name resolution|host or domain name not found",
            "not found": r"(?:host|domain) not found",
            "unable to look up host": "",
            "nullmx": "",
        },
    ),
    (Cause.TIMEOUT, {"timed out": "", "timeout": ""}),
    (
        Cause.CONNECT,
        {
            "connect": r"connection (?:refused|reset)|lost connection|connect to \S+:\d+:",
            "no route to host": "",
            "network is unreachable": "",
        },
    ),
    (
        Cause.SENDER_POLICY,
        {
            "spf": r"\bspf\b",
            "dkim": r"\bdkim\b",
            "dmarc": r"\bdmarc\b",
            ".7.": r"[45]\.7\.(?:2[4-7]|29|30|32)\b",
            "ptr record": "",
            "unauthenticated": "",
            "denied": r"relay(?:ing)? (?:access )?denied",
            "prohibited": r"policy (?:that )?prohibited",
            "identity changes": "",
        },
    ),
    (
        Cause.RATE,
        {
            "rate": r"unusual rate|at a rate that|rate limit",
            "try again later, closing": "",
            "receiving mail too quickly": "",
            "server busy": "",
            "peak smtp relay": "",
            "too many": r"too many (?:connections|messages)",
        },
    ),
    (
        Cause.RECIPIENT,
        {
            "does not exist": "",
            "user": r"user unknown|unknown user|no such user",
            "account": rf"account{_UNUSABLE}",
            "mailbox": rf"mailbox{_UNUSABLE}",
            "inbox": rf"inbox{_UNUSABLE}",
            "recipient": r"recipient address rejected|too many recipients",
        },
    ),
    (
        Cause.CONTENT,
        {
            "spam": "",
            "likely unsolicited": "",
            "illegal attachment": "",
            "potential security issue": "",
            "virus": "",
            "rfc": r"rfc ?5322",
            "missing a valid": r"missing a valid (?:message-id|from)",
        },
    ),
    (Cause.CONNECT, {"refused to talk to me": ""}),
)
"""For each cause, words in lower case, each with a regular expression where the word alone is not specific enough.

The words are searched first because it is fast: one case-insensitive expression of all takes six times as long.
"""

_SAID: Final = tuple(
    (cause, word, re.compile(expression)) for cause, words in _TEXTS for word, expression in words.items()
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


# A destination that is down produces the same text for every mail that waits for it.
@lru_cache(maxsize=128)
def classify(text: str, dsn: str) -> Cause:
    """Return the cause of a failed attempt.

    Args:
        text: the text in parentheses after `status=` in the log line.
        dsn: the enhanced status code of the log line, as in `4.7.8` (RFC 3463).
    """
    lowered = text.lower()
    for cause, word, pattern in _SAID:
        if word in lowered and pattern.search(lowered):
            return cause
    for cause, pattern in _CODES:
        if pattern.fullmatch(dsn):
            return cause
    return Cause.OTHER
