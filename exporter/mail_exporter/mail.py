"""A mail in the queue, and the events of its life: received, delivery attempt ended, finished.

`Mail` and `AttemptEnded` are no dataclasses: their attributes are set after creation. In a compiled module, creating a
dataclass with as many fields takes 0.5 to 0.8 µs (a plain class: 0.05 µs), where a log line may take 2 µs in total.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self, final

from opentelemetry.trace import SpanContext

from mail_exporter.events import AttemptLogged, NoticeSent, ServerEvent
from mail_exporter.parse.grammar import arrival_time
from mail_ledger import MessageRow, Values
from mail_telemetry.causes import Cause
from mail_telemetry.names import Entry, Outcome

_MESSAGE_ID_LENGTH: Final = 255
_HOST_LENGTH: Final = 255
_MARK_LENGTH: Final = 8


class MailServer:
    """A mail server, one of those that share a ledger.

    Two servers can give two mails the same queue id, so the key of a mail also holds a mark of its server.

    Args:
        name: its MAIL_HOSTNAME; empty where there is only one server.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name[:_HOST_LENGTH]
        self.mark = f"@{sha256(name.encode()).hexdigest()[:_MARK_LENGTH]}" if name else ""


class Mail:
    """A mail in the queue. Times are Unix seconds; `mail_ledger.schema` explains the stored fields."""

    id: str
    """The queue id; a short one, which repeats, with the second of its arrival; then the mark of the server."""
    queue_id: str
    host: str
    """The mail server's name in its log."""
    arrived: float
    server: str = ""
    """MAIL_HOSTNAME of the mail server; `host` is only its first label, which several servers may share."""
    entry: Entry
    """`local` also stands for mails that Postfix itself creates, such as bounces."""
    api_id: str | None = None
    message_id: str | None = None
    traceparent: str | None = None
    size: int = 0
    recipient_count: int = 0
    recipients_finished: int = 0
    activations: int = 0
    """How often the queue manager activated the mail; the number of the current attempt."""
    attempted: int = 0
    """The number of the last attempt that ended for any recipient."""
    attempts: int = 0
    """How many attempts ended, over all recipients."""
    waiting_since: float | None = None
    """When the last attempt ended, or when the first stage ended."""
    expired: bool = False
    notice_of: str | None = None
    closed: float | None = None

    # The fields below are not stored. After a restart they are restored as far as possible.
    outcome: Outcome
    """The worst outcome of any recipient so far."""
    is_changed: bool = False
    """Whether the mail is in the tracker's list of changed mails."""
    wait_began: float | None = None
    """When the wait for the current attempt began."""
    about: "Mail | None" = None
    """The mail that this bounce or notice is about."""
    notices: "tuple[Mail, ...]" = ()
    """The bounces and notices about this mail."""
    trace: SpanContext | None = None
    """The trace of the mail, once it was derived."""
    is_sampled: bool | None = None
    """Whether that trace is sampled, once it was decided."""

    @classmethod
    def seen(cls, queue_id: str, host: str, time: float, server: MailServer) -> Self:
        """Return a new mail whose first log line was read; `time` is the time of that line."""
        arrived = arrival_time(queue_id)
        unique = queue_id if arrived is not None else f"{queue_id}.{time:.0f}"
        mail = cls()
        mail.id = unique + server.mark
        mail.queue_id = queue_id
        mail.host = host
        mail.arrived = time if arrived is None else arrived
        mail.server = server.name
        mail.entry = Entry.LOCAL
        mail.outcome = Outcome.SENT
        return mail

    @classmethod
    def of_row(cls, row: MessageRow) -> Self:
        """Return the mail that a row of the ledger describes."""
        mail = cls()
        for name, value in row._asdict().items():
            setattr(mail, name, value)
        mail.entry = Entry(row.entry)
        mail.outcome = Outcome.SENT
        return mail

    def row(self) -> Values:
        """Return the mail as a row of the ledger: the fields of `MessageRow`."""
        return (
            self.id,
            self.queue_id,
            self.server,
            self.host[:_HOST_LENGTH],
            self.arrived,
            self.entry.value,
            self.api_id,
            self.message_id and self.message_id[:_MESSAGE_ID_LENGTH],
            self.traceparent,
            self.size,
            self.recipient_count,
            self.recipients_finished,
            self.activations,
            self.attempted,
            self.attempts,
            self.waiting_since,
            self.expired,
            self.notice_of,
            self.closed,
        )


@final
@dataclass
class MailReceived:
    """A mail is complete and in the queue: the queue manager activated it for the first time."""

    mail: Mail


@final
class AttemptEnded:
    """A delivery attempt ended. Times are Unix seconds with the precision of the log."""

    mail: Mail
    attempt: AttemptLogged
    daemon: str
    """The delivery agent."""
    ordinal: int
    """Counts the mail's attempts, over all recipients."""
    number: int
    """How often the queue manager had activated the mail."""
    began: float
    """When the wait for this attempt began: at the mail's arrival, or at the end of the previous attempt."""
    activated: float
    """When the queue manager activated the mail for this attempt."""
    started: float
    """When the queue manager passed the mail to the agent."""
    connected: float
    """When DNS, TCP, TLS and login were done."""
    ended: float
    outcome: Outcome | None
    """The recipient's outcome, if this was the last attempt."""
    cause: Cause | None
    """Why the attempt failed; None when it succeeded."""


@final
@dataclass
class MailFinished:
    """A mail left the queue."""

    mail: Mail
    outcome: Outcome
    """The outcome of the recipients without a last attempt; without such recipients, the worst of all recipients."""
    left: int
    """The number of recipients without a last attempt."""


TrackedEvent = MailReceived | AttemptEnded | MailFinished | NoticeSent | ServerEvent
"""What the tracker returns: the source of metrics, spans, the delivery log and the ledger."""
