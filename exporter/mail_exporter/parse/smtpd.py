"""smtpd(8): incoming SMTP connections, accepted mails and rejected clients."""

import re
from typing import Final

from mail_exporter.events import (
    CLIENT_CONNECTED,
    NO_EVENT,
    AbortKind,
    AuthenticationFailed,
    ClientRejected,
    ForwardCounted,
    LogEvent,
    MailAccepted,
    RejectReason,
    SessionAborted,
)
from mail_exporter.parse import reject, tls
from mail_exporter.parse.grammar import QUEUE_ID, TRACEPARENT, is_loopback, split_id

_AUTHENTICATION_FAILED: Final = AuthenticationFailed()
_CLIENT: Final = r"[^\s\[]*\[[^\]]*\](?::\d+)?"
_IDENT: Final = ", orig_queue_id="
# Directly after the client: only port 25 accepts XFORWARD, and it has no logins whose user name could imitate this.
_TRACE: Final = re.compile(rf"client={_CLIENT}{_IDENT}({TRACEPARENT})(?:, orig_client=.*)?")

_ABORTED: Final = re.compile(
    rf"(?:(?:NOQUEUE|{QUEUE_ID}): )?(lost connection|timeout|too many errors) after .* from {_CLIENT}"
)
_AUTHENTICATION: Final = re.compile(rf"warning: {_CLIENT}: SASL [\w-]+ authentication failed(.*)", re.DOTALL)
_SERVER_FAILED: Final = re.compile(r"(?i)authentication server|temporary |generic failure|internal ")
"""Failures of the authentication server, which are not wrong passwords; the client's name for itself comes later."""
_NOTED: Final = re.compile(
    rf"(?:NOQUEUE|{QUEUE_ID}): (?:milter-|reject_warning: |warn: |hold: |discard: |filter: |redirect: |info: |prepend: "
    r"|bcc: |replace: |permit: |sender=)|SSL_accept |setting up TLS |initializing |auto_clnt_|idle timeout"
)
_FORWARD_COUNTED: Final = re.compile(
    rf"{QUEUE_ID}: info: END-OF-MESSAGE from {_CLIENT}: forward limit: (\d{{1,9}}) counted, .*"
)
_ABORTS: Final = {"lost connection": AbortKind.LOST, "timeout": AbortKind.TIMEOUT, "too many errors": AbortKind.ERRORS}


def parse(text: str) -> LogEvent | None:
    """Parse connections, accepted mails and rejected clients; loopback clients are health checks of this server.

    connect from web[172.18.0.5]
    4jXSsP52xGzDhqX: client=web[172.18.0.5], sasl_method=PLAIN, sasl_username=admin
    4jXSsP52xGzDhqX: client=api[172.18.0.6], orig_queue_id=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
    NOQUEUE: reject: RCPT from web[172.18.0.5]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=...
    NOQUEUE: lost connection after RCPT from web[172.18.0.5]          (without NOQUEUE before Postfix 3.10)
    warning: web[172.18.0.5]: SASL PLAIN authentication failed: authentication failure
    improper command pipelining after CONNECT from web[172.18.0.5]: EHLO api
    """
    if text.startswith("connect from "):
        return NO_EVENT if is_loopback(text) else CLIENT_CONNECTED
    if text.startswith("disconnect from "):
        return NO_EVENT
    queue_id, said = split_id(text)
    if said.startswith("client="):
        traced = _TRACE.fullmatch(said) if _IDENT in said else None
        return MailAccepted(queue_id, traced[1] if traced else None)
    return tls.parse(text) or _parse_end(text)


def _parse_end(text: str) -> LogEvent | None:
    if text.startswith("warning: "):
        return _parse_authentication(text) or reject.parse_limit(text)
    if text.startswith("improper command pipelining after "):
        return ClientRejected(RejectReason.PROTOCOL)
    # The word is searched first: that takes a tenth of the time of the expression.
    if " after " in text and (found := _ABORTED.fullmatch(text)):
        return NO_EVENT if is_loopback(text) else SessionAborted(_ABORTS[found[1]])
    return (
        reject.parse(text) or _parse_forward(text) or (NO_EVENT if _NOTED.match(text) or tls.is_verbose(text) else None)
    )


def _parse_forward(text: str) -> LogEvent | None:
    """Parse the note of the service behind FORWARD_DAILY_LIMIT (postfix/…/forward-limit).

    4jXSsP52xGzDhqX: info: END-OF-MESSAGE from unknown[192.0.2.1]: forward limit: 1 counted, 12 of ...
    """
    found = _FORWARD_COUNTED.fullmatch(text) if "forward limit: " in text else None
    return ForwardCounted(int(found[1])) if found else None


def _parse_authentication(text: str) -> LogEvent | None:
    """Parse a failed login; return None when the authentication server failed.

    warning: web[172.18.0.5]: SASL PLAIN authentication failed: authentication failure, sasl_username=admin
    warning: web[172.18.0.5]: SASL PLAIN authentication failed: Connection lost to authentication server
    """
    found = _AUTHENTICATION.match(text)
    if found is None or _SERVER_FAILED.search(found[1].partition(", sasl_username=")[0]):
        return None
    return _AUTHENTICATION_FAILED
