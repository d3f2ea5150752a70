"""What a log line says happened, in past tense.

What a mail's usual life is made of are classes of their own: compiled, they are made and read several times as fast as
named tuples. Events without data are no tuples either: an empty one is false.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple, final

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


class MailEvent:
    """Something happened to the mail of this queue id; two that say the same are equal."""

    fields: ClassVar[tuple[str, ...]] = ("queue_id",)

    def __init__(self, queue_id: str) -> None:
        self.queue_id: Final = queue_id

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.fields)

    def __hash__(self) -> int:
        return hash(self.queue_id)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({values})"


@final
class Accepted(MailEvent):
    """A client or a local program handed a mail in; the API tells whose trace it belongs to."""

    fields: ClassVar[tuple[str, ...]] = ("queue_id", "traceparent")

    def __init__(self, queue_id: str, traceparent: str | None = None) -> None:
        super().__init__(queue_id)
        self.traceparent: Final = traceparent


@final
class TraceSeen(MailEvent):
    """A mail carried trace context in its header."""

    fields: ClassVar[tuple[str, ...]] = ("queue_id", "traceparent")

    def __init__(self, queue_id: str, traceparent: str) -> None:
        super().__init__(queue_id)
        self.traceparent: Final = traceparent


@final
class MessageIdSeen(MailEvent):
    """Cleanup read the mail's header; `message_id` is empty when there was none."""

    fields: ClassVar[tuple[str, ...]] = ("queue_id", "message_id")

    def __init__(self, queue_id: str, message_id: str) -> None:
        super().__init__(queue_id)
        self.message_id: Final = message_id


@final
class Activated(MailEvent):
    """The queue manager took a mail up, at first or for another try."""

    fields: ClassVar[tuple[str, ...]] = ("queue_id", "size", "recipient_count")

    def __init__(self, queue_id: str, size: int, recipient_count: int) -> None:
        super().__init__(queue_id)
        self.size: Final = size
        self.recipient_count: Final = recipient_count


@final
class Attempted(MailEvent):
    """A delivery attempt for one recipient ended.

    Args:
        queue_id: the mail.
        recipient: the address.
        relay: as logged.
        delay: seconds since the mail's arrival.
        delays: seconds in each stage.
        dsn: the enhanced status code.
        status: how it ended.
        text: the relay's or Postfix's words.
        forwarded: whether an alias made this recipient out of another (`orig_to=`).
        suspended: whether nothing was tried, since the destination failed a moment ago; `text` is that failure's.
    """

    fields: ClassVar[tuple[str, ...]] = (
        *("queue_id", "recipient", "relay", "delay", "delays", "dsn", "status", "text", "forwarded", "suspended"),
    )

    def __init__(  # noqa: PLR0913, PLR0917 - an attempt has as many sides
        self,
        queue_id: str,
        recipient: str,
        relay: str,
        delay: float,
        delays: Delays,
        dsn: str,
        status: Status,
        text: str,
        *,
        forwarded: bool = False,
        suspended: bool = False,
    ) -> None:
        super().__init__(queue_id)
        self.recipient: Final = recipient
        self.relay: Final = relay
        self.delay: Final = delay
        self.delays: Final = delays
        self.dsn: Final = dsn
        self.status: Final = status
        self.text: Final = text
        self.forwarded: Final = forwarded
        self.suspended: Final = suspended


@final
class Expired(MailEvent):
    """A mail was given up: `maximal_queue_lifetime` is over, or postsuper(1) said so."""


@final
class Removed(MailEvent):
    """A mail left the queue for good."""


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
CONNECTED: Final = Connected()

ServerEvent = Connected | Aborted | Rejected | AuthenticationFailed | TlsEstablished | Screened | Turned | Complained
Event = MailEvent | NoticeSent | ServerEvent | Noted
