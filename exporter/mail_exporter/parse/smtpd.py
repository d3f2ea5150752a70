"""smtpd(8): mail that comes in by SMTP, and clients that are sent away."""

import re
from typing import Final

from mail_exporter.events import (
    NOTED,
    Abort,
    Aborted,
    Accepted,
    AuthenticationFailed,
    Connected,
    Event,
    Reason,
    Rejected,
)
from mail_exporter.parse import refusal, tls
from mail_exporter.parse.grammar import QUEUE_ID

_CONNECTED: Final = Connected()
_AUTHENTICATION_FAILED: Final = AuthenticationFailed()
_CLIENT: Final = r"[^\s\[]*\[[^\]]*\](?::\d+)?"

_ACCEPTED: Final = re.compile(rf"({QUEUE_ID}): client=")
_LOOPBACK: Final = re.compile(r"\[(?:127\.|::1\])")
_ABORTED: Final = re.compile(
    rf"(?:(?:NOQUEUE|{QUEUE_ID}): )?(lost connection|timeout|too many errors) after .* from {_CLIENT}"
)
_AUTHENTICATION: Final = re.compile(rf"warning: {_CLIENT}: SASL [\w-]+ authentication failed")
_NOTED: Final = re.compile(
    rf"(?:NOQUEUE|{QUEUE_ID}): (?:milter-|reject_warning: |warn: |hold: |discard: |filter: |redirect: |info: |prepend: "
    r"|bcc: |replace: |permit: |sender=)|SSL_accept |setting up TLS |initializing |auto_clnt_|idle timeout|proxy-"
)
_ABORTS: Final = {"lost connection": Abort.LOST, "timeout": Abort.TIMEOUT, "too many errors": Abort.ERRORS}


def parse(text: str) -> Event | None:
    """Read connections, mails taken in and clients sent away; the loopback's are our own health checks.

    connect from web[172.18.0.5]
    4jXSsP52xGzDhqX: client=web[172.18.0.5], sasl_method=PLAIN, sasl_username=admin
    NOQUEUE: reject: RCPT from web[172.18.0.5]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=...
    NOQUEUE: lost connection after RCPT from web[172.18.0.5]          (without NOQUEUE before Postfix 3.10)
    warning: web[172.18.0.5]: SASL PLAIN authentication failed: authentication failure
    improper command pipelining after CONNECT from web[172.18.0.5]: EHLO api
    """
    if text.startswith("connect from "):
        return NOTED if _LOOPBACK.search(text) else _CONNECTED
    if text.startswith("disconnect from "):
        return NOTED
    if found := _ACCEPTED.match(text):
        return Accepted(found[1])
    return tls.parse(text) or _parse_end(text)


def _parse_end(text: str) -> Event | None:
    if found := _ABORTED.fullmatch(text):
        return NOTED if _LOOPBACK.search(text) else Aborted(_ABORTS[found[1]])
    if _AUTHENTICATION.match(text):
        return _AUTHENTICATION_FAILED
    if text.startswith("improper command pipelining after "):
        return Rejected(Reason.PROTOCOL)
    return refusal.parse(text) or (NOTED if _NOTED.match(text) else None)
