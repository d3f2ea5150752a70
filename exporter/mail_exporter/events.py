"""What a log line says happened, in past tense. Tuples, since one is made for nearly every line.

Events without data are no tuples: an empty one is false.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from mail_telemetry.names import Stage


class Status(StrEnum):
    """How one delivery attempt for one recipient ended (Postfix: bounce(8), defer(8))."""

    SENT = "sent"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    SOFTBOUNCE = "softbounce"
    UNDELIVERABLE = "undeliverable"
    DELIVERABLE = "deliverable"


class Reason(StrEnum):
    """Why a client was refused before its mail was ours."""

    RELAY_DENIED = "relay_denied"
    RECIPIENT = "recipient"
    SENDER = "sender"
    CLIENT = "client"
    HELO = "helo"
    RATE = "rate"
    SIZE = "size"
    CONTENT = "content"
    PROTOCOL = "protocol"
    OTHER = "other"


class Abort(StrEnum):
    """How a client's session ended without QUIT."""

    LOST = "lost"
    TIMEOUT = "timeout"
    ERRORS = "errors"


class Notice(StrEnum):
    """What bounce(8) wrote a mail about."""

    FAILURE = "failure"
    DELAY = "delay"
    SUCCESS = "success"
    POSTMASTER = "postmaster"


class Severity(StrEnum):
    """What stands before the text of a line that is not ordinary (Postfix: msg(3))."""

    WARNING = "warning"
    ERROR = "error"
    FATAL = "fatal"
    PANIC = "panic"


class Turn(StrEnum):
    """What master(8) did."""

    STARTED = "started"
    RELOADED = "reloaded"
    STOPPED = "stopped"


class Screening(StrEnum):
    """What postscreen(8) thought of a client."""

    PASS_NEW = "pass_new"  # noqa: S105 - a verdict
    PASS_OLD = "pass_old"  # noqa: S105 - a verdict
    PREGREET = "pregreet"
    DNSBL = "dnsbl"
    HANGUP = "hangup"
    ALLOWLISTED = "allowlisted"
    DENYLISTED = "denylisted"


TLS_PROTOCOLS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "other")
TLS_TRUST: Final = ("anonymous", "untrusted", "trusted", "verified")
TLS_DIRECTIONS: Final = ("in", "out")


STAGES: Final = tuple(stage.value for stage in Stage)
Delays = tuple[float, float, float, float]
"""Seconds in each of these stages, to two significant digits."""


# --- about one mail ---------------------------------------------------------------------------------


class Accepted(NamedTuple):
    """A client or a local program handed a mail in."""

    queue_id: str


class TraceSeen(NamedTuple):
    """A mail carried trace context."""

    queue_id: str
    traceparent: str


class MessageIdSeen(NamedTuple):
    """Cleanup read the mail's header; `message_id` is empty when there was none."""

    queue_id: str
    message_id: str


class Activated(NamedTuple):
    """The queue manager took a mail up, at first or for another try."""

    queue_id: str
    size: int
    recipient_count: int


class Attempted(NamedTuple):
    """A delivery attempt for one recipient ended."""

    queue_id: str
    recipient: str
    forwarded: bool
    """Whether an alias made this recipient out of another (`orig_to=`)."""
    relay: str
    delay: float
    delays: Delays
    dsn: str
    status: Status
    suspended: bool
    """Whether nothing was tried, since the destination failed a moment ago; `text` is that failure's."""
    text: str


class Expired(NamedTuple):
    """A mail was given up: `maximal_queue_lifetime` is over, or postsuper(1) said so."""

    queue_id: str


class Removed(NamedTuple):
    """A mail left the queue for good."""

    queue_id: str


class NoticeSent(NamedTuple):
    """A mail about another mail (`about`, by queue id) was made, and entered the queue."""

    queue_id: str
    kind: Notice
    about: str


# --- about the server -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """A client connected; not this machine's own health check."""


class Aborted(NamedTuple):
    """A client's session ended without QUIT."""

    how: Abort


class Rejected(NamedTuple):
    """A client was refused, before or behind DATA."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class AuthenticationFailed:
    """A client gave a wrong user name or password."""


class TlsEstablished(NamedTuple):
    """A TLS session began; the words are those of `TLS_DIRECTIONS`, `TLS_PROTOCOLS` and `TLS_TRUST`."""

    direction: str
    protocol: str
    trust: str


class Screened(NamedTuple):
    """postscreen(8) judged a client."""

    verdict: Screening


class Turned(NamedTuple):
    """Postfix was started, reloaded or stopped."""

    turn: Turn


class Complained(NamedTuple):
    """A daemon wrote a warning or worse."""

    severity: Severity


@dataclass(frozen=True, slots=True)
class Noted:
    """A line that is understood and tells nothing that is counted."""


NOTED: Final = Noted()

MailEvent = Accepted | TraceSeen | MessageIdSeen | Activated | Attempted | Expired | Removed | NoticeSent
ServerEvent = Connected | Aborted | Rejected | AuthenticationFailed | TlsEstablished | Screened | Turned | Complained
Event = MailEvent | ServerEvent | Noted
