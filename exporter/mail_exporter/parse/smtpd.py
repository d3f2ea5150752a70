"""smtpd(8): mail that comes in by SMTP, and clients that are sent away."""

import re
from typing import Final

from mail_exporter.events import (
    CONNECTED,
    NOTED,
    Abort,
    Aborted,
    Accepted,
    AuthenticationFailed,
    Event,
    Reason,
    Rejected,
)
from mail_exporter.parse import refusal, tls
from mail_exporter.parse.grammar import QUEUE_ID, TRACEPARENT, split_id

_AUTHENTICATION_FAILED: Final = AuthenticationFailed()
_CLIENT: Final = r"[^\s\[]*\[[^\]]*\](?::\d+)?"
_IDENT: Final = ", orig_queue_id="
# Right behind the client: only port 25 takes XFORWARD, and knows no login whose name could look like this.
_TRACE: Final = re.compile(rf"client={_CLIENT}{_IDENT}({TRACEPARENT})(?:, orig_client=.*)?")

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
    4jXSsP52xGzDhqX: client=api[172.18.0.6], orig_queue_id=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
    NOQUEUE: reject: RCPT from web[172.18.0.5]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=...
    NOQUEUE: lost connection after RCPT from web[172.18.0.5]          (without NOQUEUE before Postfix 3.10)
    warning: web[172.18.0.5]: SASL PLAIN authentication failed: authentication failure
    improper command pipelining after CONNECT from web[172.18.0.5]: EHLO api
    """
    if text.startswith("connect from "):
        return NOTED if _is_loopback(text) else CONNECTED
    if text.startswith("disconnect from "):
        return NOTED
    queue_id, said = split_id(text)
    if said.startswith("client="):
        traced = _TRACE.fullmatch(said) if _IDENT in said else None
        return Accepted(queue_id, traced[1] if traced else None)
    return tls.parse(text) or _parse_end(text)


def _is_loopback(text: str) -> bool:
    return "[127." in text or "[::1]" in text


def _parse_end(text: str) -> Event | None:
    if text.startswith("warning: "):
        return _AUTHENTICATION_FAILED if _AUTHENTICATION.match(text) else refusal.parse_limit(text)
    if text.startswith("improper command pipelining after "):
        return Rejected(Reason.PROTOCOL)
    # The words are looked for first: that costs a tenth of the expression.
    if " after " in text and (found := _ABORTED.fullmatch(text)):
        return NOTED if _is_loopback(text) else Aborted(_ABORTS[found[1]])
    return refusal.parse(text) or (NOTED if _NOTED.match(text) else None)
