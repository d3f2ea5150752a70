"""Log events: the meaning of single lines of the Postfix log, in past tense.

The events of mails are not frozen: in a compiled module, creating a frozen dataclass takes three times as long (1.4 µs
instead of 0.5 µs for `AttemptLogged`), and most log lines create one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from mail_telemetry.names import DeliveryStage


class DeliveryStatus(StrEnum):
    """How one delivery attempt for one recipient ended (Postfix: bounce(8), defer(8))."""

    SENT = "sent"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    SOFTBOUNCE = "softbounce"
    UNDELIVERABLE = "undeliverable"
    DELIVERABLE = "deliverable"


class RejectReason(StrEnum):
    """Why a client was rejected before Postfix accepted its mail."""

    RELAY_DENIED = "relay_denied"
    RECIPIENT = "recipient"
    SENDER = "sender"
    CLIENT = "client"
    HELO = "helo"
    RATE = "rate"
    GREYLIST = "greylist"
    BLOCKLIST = "blocklist"
    UNAVAILABLE = "unavailable"
    """A temporary failure of this server: a lookup, the configuration, a milter or a queue file."""
    SIZE = "size"
    CONTENT = "content"
    PROTOCOL = "protocol"
    OTHER = "other"


class AbortKind(StrEnum):
    """How a client's session ended without QUIT."""

    LOST = "lost"
    TIMEOUT = "timeout"
    ERRORS = "errors"


class NoticeKind(StrEnum):
    """Why bounce(8) sent a notice about a mail."""

    FAILURE = "failure"
    DELAY = "delay"
    SUCCESS = "success"
    POSTMASTER = "postmaster"


class LogSeverity(StrEnum):
    """The severity before the text of a log line (Postfix: msg(3)); ordinary lines have none."""

    WARNING = "warning"
    ERROR = "error"
    FATAL = "fatal"
    PANIC = "panic"


class ServerState(StrEnum):
    """What master(8) did."""

    STARTED = "started"
    RELOADED = "reloaded"
    STOPPED = "stopped"


class PostscreenVerdict(StrEnum):
    """postscreen(8)'s verdict on a client."""

    PASS_NEW = "pass_new"  # noqa: S105 - a verdict
    PASS_OLD = "pass_old"  # noqa: S105 - a verdict
    PREGREET = "pregreet"
    DNSBL = "dnsbl"
    HANGUP = "hangup"
    ALLOWLISTED = "allowlisted"
    DENYLISTED = "denylisted"
    VETO = "veto"
    """The client is on the allowlist only at a secondary address of this server."""


class LogNote(StrEnum):
    """What a line reports that is neither about a delivery nor about a rejected client."""

    TABLE_CHANGED = "table_changed"
    TABLE_REINDEXED = "table_reindexed"
    DEFAULT_USED = "default_used"
    """A default setting of an older version is in use (Postfix: compatibility_level)."""
    EHLO_KEYWORDS_DISCARDED = "ehlo_keywords_discarded"
    COMMAND_REPLACED = "command_replaced"
    """A command or a reply was changed by a filter (Postfix: smtpd_command_filter, smtp_reply_filter)."""
    DNS_RECORD_IGNORED = "dns_record_ignored"
    NOTICE_FAILED = "notice_failed"
    """A bounce or defer record could not be written; Postfix tries the delivery again."""
    HEADER_ACTION = "header_action"
    LINE_BROKEN = "line_broken"
    STARTTLS_OFFERED = "starttls_offered"
    WRAPPERMODE_REQUIRED = "wrappermode_required"
    """The relay's port needs smtp_tls_wrappermode."""
    TLS_REPORT_SUCCESS = "tls_report_success"
    TLS_REPORT_FAILURE = "tls_report_failure"
    TRANSPORT_PASSED = "transport_passed"
    """local(8) passed a recipient to another transport."""
    MAIL_PROXIED = "mail_proxied"
    """A mail was passed to a filter before the queue (Postfix: smtpd_proxy_filter)."""
    CLIENT_DELAYED = "client_delayed"
    DSN_MAPPED = "dsn_mapped"
    BARE_NEWLINE = "bare_newline"
    CERTIFICATE_UNVERIFIED = "certificate_unverified"
    SNI_UNMATCHED = "sni_unmatched"
    STRESS = "stress"
    """postscreen(8) entered or left stress mode."""


TLS_PROTOCOLS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "other")
TLS_TRUST: Final = ("anonymous", "untrusted", "trusted", "verified")
TLS_DIRECTIONS: Final = ("in", "out")


STAGES: Final = tuple(stage.value for stage in DeliveryStage)
Delays = tuple[float, float, float, float]
"""Seconds in each of these stages, to two significant digits."""


# --- about one mail ---------------------------------------------------------------------------------


@dataclass
class MailLogEvent:
    """Base class of the events of one mail."""

    queue_id: str


@final
@dataclass
class MailAccepted(MailLogEvent):
    """A client or a local program handed over a mail; `traceparent` is set when the API sent it."""

    traceparent: str | None = None


@final
@dataclass
class TraceContextSeen(MailLogEvent):
    """A mail has trace context in its header."""

    traceparent: str


@final
@dataclass
class MessageIdSeen(MailLogEvent):
    """cleanup(8) read the header of a mail; `message_id` is empty when the header has none."""

    message_id: str


@final
@dataclass
class MailActivated(MailLogEvent):
    """The queue manager moved a mail to the active queue, for the first attempt or for a retry."""

    size: int
    recipient_count: int


@final
@dataclass
class AttemptLogged(MailLogEvent):
    """A delivery agent logged the end of an attempt for one recipient."""

    recipient: str
    relay: str
    """As logged: `host[address]:port`, `none`, or the name of a local agent."""
    delay: float
    """Seconds since the mail's arrival."""
    delays: Delays
    dsn: str
    """The enhanced status code."""
    status: DeliveryStatus
    text: str
    """The reply of the relay, or the text of Postfix."""
    forwarded: bool = False
    """Whether an alias produced this recipient from another one (`orig_to=`)."""
    suspended: bool = False
    """Whether Postfix skipped the attempt because the destination had just failed; `text` is that failure's."""


@final
@dataclass
class MailExpired(MailLogEvent):
    """Postfix gave up a mail: `maximal_queue_lifetime` is over, or postsuper(1) expired it."""


@final
@dataclass
class MailRemoved(MailLogEvent):
    """A mail left the queue."""


@final
@dataclass(frozen=True)
class NoticeSent:
    """bounce(8) queued a mail about another mail; `about` is the queue id of that mail."""

    queue_id: str
    kind: NoticeKind
    about: str


# --- about the server -------------------------------------------------------------------------------


@final
@dataclass(frozen=True)
class ClientConnected:
    """A client connected, other than the health check of the server itself."""


@final
@dataclass(frozen=True)
class SessionAborted:
    """A client's session ended without QUIT."""

    kind: AbortKind


@final
@dataclass(frozen=True)
class ClientRejected:
    """A client was rejected, before or after DATA."""

    reason: RejectReason


@final
@dataclass(frozen=True)
class ForwardCounted:
    """A mail from outside was counted against FORWARD_DAILY_LIMIT."""

    recipients: int
    """As which it counts: its recipients, each once for each address in FORWARD_EMAIL."""


@final
@dataclass(frozen=True)
class AuthenticationFailed:
    """A client sent a wrong user name or password."""


@final
@dataclass(frozen=True)
class TlsEstablished:
    """A TLS session began; the values are those of `TLS_DIRECTIONS`, `TLS_PROTOCOLS` and `TLS_TRUST`."""

    direction: str
    protocol: str
    trust: str


@final
@dataclass(frozen=True)
class ClientScreened:
    """postscreen(8) judged a client."""

    verdict: PostscreenVerdict


@final
@dataclass(frozen=True)
class HostFailed:
    """A delivery agent gave up one host of a destination and tries the next one; this is not the end of an attempt."""

    host: str
    """As in `relay=`; empty when the line does not name it."""
    text: str
    """The reply of the host, or the text of Postfix."""
    dsn: str = ""
    """The enhanced status code in the reply, if any."""


@final
@dataclass(frozen=True)
class NoteLogged:
    """A line about configuration or a session was logged."""

    note: LogNote


@final
@dataclass(frozen=True)
class ServerStateChanged:
    """Postfix was started, reloaded or stopped."""

    state: ServerState


@final
@dataclass(frozen=True)
class ProblemLogged:
    """A daemon logged a warning or worse."""

    severity: LogSeverity


@final
@dataclass(frozen=True)
class NoEvent:
    """A line that is understood and not counted."""


NO_EVENT: Final = NoEvent()
CLIENT_CONNECTED: Final = ClientConnected()

ServerEvent = (
    ClientConnected
    | SessionAborted
    | ClientRejected
    | ForwardCounted
    | AuthenticationFailed
    | TlsEstablished
    | ClientScreened
    | HostFailed
    | NoteLogged
    | ServerStateChanged
    | ProblemLogged
)
LogEvent = MailLogEvent | NoticeSent | ServerEvent | NoEvent
