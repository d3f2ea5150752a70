"""What is known of one mail while it is in the queue, and that as a row of the ledger."""

from hashlib import sha256
from typing import Final, Self

from opentelemetry.trace import SpanContext

from mail_exporter.parse.grammar import arrival_time
from mail_ledger import MessageRow, Values
from mail_telemetry.names import Entry, Outcome

# Looking a member up in its class takes longer than all else that a new mail needs.
_LOCAL: Final = Entry.LOCAL
_SENT: Final = Outcome.SENT
_ENTRIES: Final = {entry: entry.value for entry in Entry}

_MESSAGE_ID_LENGTH = 255
_HOST_LENGTH = 255
_MARK_LENGTH = 8


class Server:
    """A mail server, among those that share a ledger.

    Two of them can give two mails the same queue id, so the key of a mail holds a mark of its server, too.

    Args:
        name: its MAIL_HOSTNAME; empty where it is the only one.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name[:_HOST_LENGTH]
        self.mark = f"@{sha256(name.encode()).hexdigest()[:_MARK_LENGTH]}" if name else ""


class Mail:
    """A mail in the queue. Times are Unix seconds; the ledger's schema explains the rest.

    What is not known yet is the class's, so that a new mail costs little.

    Args:
        id: the queue id; a short one, which repeats, with the second of its arrival; and the server's mark.
        queue_id: the queue id.
        host: the mail server, as its log calls it.
        arrived: when it arrived.
    """

    server: str = ""
    """The mail server's name; `host` is but its first label, which several may have in common."""

    api_id: str | None = None
    message_id: str | None = None
    traceparent: str | None = None
    size: int = 0
    recipient_count: int = 0
    recipients_finished: int = 0
    activations: int = 0
    """How often the queue manager took it up; the number of the attempt that runs."""
    attempted: int = 0
    """The number of the last attempt that ended for any recipient."""
    attempts: int = 0
    """How many attempts ended, over all recipients."""
    waiting_since: float | None = None
    """When the last attempt ended, or the first stage was over."""
    expired: bool = False
    notice_of: str | None = None
    closed: float | None = None
    # What follows is not stored; a restart makes it anew, as far as it can.
    is_changed: bool = False
    """Whether somebody was told that it changed, and has not looked yet."""
    wait_began: float | None = None
    """When waiting for the attempt that runs began."""
    about: "Mail | None" = None
    """The mail that this bounce or notice is about."""
    notices: "tuple[Mail, ...]" = ()
    """The bounces and notices about this mail."""
    trace: SpanContext | None = None
    """The trace it belongs to, once somebody asked."""
    is_sampled: bool | None = None
    """Whether that trace is sampled, once somebody asked."""

    def __init__(self, id: str, queue_id: str, host: str, arrived: float) -> None:  # noqa: A002 - the column's name
        self.id = id
        self.queue_id = queue_id
        self.host = host
        self.arrived = arrived
        # These stand here since a class that mypyc compiles has only plain values.
        self.entry = _LOCAL
        """`local` also stands for mail that Postfix makes itself, as bounces."""
        self.outcome = _SENT
        """The worst that became of a recipient so far."""

    @classmethod
    def seen(cls, queue_id: str, host: str, time: float, server: Server) -> Self:
        """Return a mail of which one line was seen, at the given time."""
        arrived = arrival_time(queue_id)
        unique = queue_id if arrived is not None else f"{queue_id}.{time:.0f}"
        mail = cls(unique + server.mark, queue_id, host, time if arrived is None else arrived)
        mail.server = server.name
        return mail

    @classmethod
    def of_row(cls, row: MessageRow) -> Self:
        """Return the mail as the ledger knows it."""
        mail = cls(row.id, row.queue_id, row.host, row.arrived)
        for name, value in row._asdict().items():
            setattr(mail, name, value)
        mail.entry = Entry(row.entry)
        return mail

    def row(self) -> Values:
        """Return the mail as the ledger keeps it: the fields of a `MessageRow`."""
        return (
            self.id,
            self.queue_id,
            self.server,
            self.host[:_HOST_LENGTH],
            self.arrived,
            _ENTRIES[self.entry],
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
