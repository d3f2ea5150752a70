"""What a log line says happened, in past tense. Tuples, since one is made for nearly every line."""

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """How one delivery attempt for one recipient ended (Postfix: bounce(8), defer(8))."""

    SENT = "sent"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    SOFTBOUNCE = "softbounce"
    UNDELIVERABLE = "undeliverable"
    DELIVERABLE = "deliverable"


class Delays(NamedTuple):
    """Seconds in each of Postfix's stages, to two significant digits."""

    before_queue_manager: float
    queue_manager: float
    connection_setup: float
    transmission: float


class Accepted(NamedTuple):
    """A client or a local program handed a mail in; `service` tells through which listener."""

    queue_id: str
    service: str


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
    relay: str
    delay: float
    delays: Delays
    dsn: str
    status: Status
    text: str


class Removed(NamedTuple):
    """A mail left the queue for good."""

    queue_id: str


class Noted(NamedTuple):
    """A line that is understood and changes no mail."""

    what: str


Event = Accepted | TraceSeen | MessageIdSeen | Activated | Attempted | Removed | Noted
