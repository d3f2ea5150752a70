"""Queue id to one mail's life: joins the events of several daemons and says what they amount to.

Facts are what metrics, spans and the ledger are made of. The tracker remembers open mails only, and its memory
can be taken out and put back (`changes`, `restore`), so that a restart joins what came before with what comes after.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple

from mail_exporter.events import (
    Accepted,
    Activated,
    Attempted,
    Event,
    MessageIdSeen,
    Noted,
    Removed,
    TraceSeen,
)
from mail_exporter.parse.grammar import arrival_time
from mail_exporter.parse.pickup import LOCAL_SERVICE
from mail_telemetry.identity import api_message_id
from mail_telemetry.names import Entry

_ENTRY_OF_SERVICE: Final[Mapping[str, Entry]] = {
    LOCAL_SERVICE: Entry.LOCAL,
    "public": Entry.PUBLIC,
    "submission": Entry.SUBMISSION,
}


@dataclass(slots=True)
class Mail:
    """What is known of one mail while it is in the queue. Times are Unix seconds."""

    queue_id: str
    host: str
    arrived: float
    entry: Entry = Entry.LOCAL
    """`local` also stands for mail that Postfix makes itself, as bounces."""
    message_id: str | None = None
    """The API's id, where the mail is the API's."""
    traceparent: str | None = None
    size: int = 0
    recipient_count: int = 0
    activations: int = 0
    """How often the queue manager took it up; the number of the attempt that runs."""
    attempted: int = 0
    """The number of the last attempt that ended for any recipient."""
    waiting_since: float | None = None
    """When the last attempt ended, or the first stage was over."""


class MailReceived(NamedTuple):
    """A mail's header is known, and with it where it came in."""

    mail: Mail


class AttemptEnded(NamedTuple):
    """A delivery attempt ended; `started` and `ended` are Unix seconds, right to the log's precision."""

    mail: Mail
    attempt: Attempted
    daemon: str
    number: int
    first_of_number: bool
    """Whether this is the first recipient of this attempt whose end was logged."""
    waiting_since: float
    """Since when the mail had waited for this attempt."""
    started: float
    ended: float


class MailFinished(NamedTuple):
    """A mail left the queue."""

    mail: Mail


Fact = MailReceived | AttemptEnded | MailFinished


class Tracker:
    """Follows mails from their first line to their last."""

    def __init__(self) -> None:
        self._open: dict[str, Mail] = {}
        self._changed: set[str] = set()
        self._closed: set[str] = set()

    def __len__(self) -> int:
        return len(self._open)

    def apply(self, event: Event, *, time: float, host: str, daemon: str) -> Fact | None:
        """Take an event in and return what it amounts to, if anything.

        Args:
            event: what one line said.
            time: the line's Unix time.
            host: the line's host name.
            daemon: the line's daemon.
        """
        if isinstance(event, Noted):
            return None
        if isinstance(event, Removed):
            return self._close(event.queue_id)
        mail = self._mail(event.queue_id, time, host)
        match event:
            case Attempted():
                return _attempt_ended(mail, event, daemon)
            case Activated():
                mail.activations += 1
                mail.size, mail.recipient_count = event.size, event.recipient_count
            case Accepted():
                mail.entry = _ENTRY_OF_SERVICE.get(event.service, Entry.INTERNAL)
            case TraceSeen():
                # The first one wins: the API's stands above anything a later hop or an attachment adds.
                mail.traceparent = mail.traceparent or event.traceparent
            case MessageIdSeen():
                mail.message_id = api_message_id(event.message_id)
                if mail.message_id and mail.entry is Entry.INTERNAL:
                    mail.entry = Entry.API
                return MailReceived(mail)
        return None

    def changes(self) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """Return the state of mails that changed since the last `changes_stored`, and the ids of those closed."""
        return {queue_id: asdict(self._open[queue_id]) for queue_id in self._changed}, set(self._closed)

    def changes_stored(self) -> None:
        """Forget which mails changed: the ledger has them."""
        self._changed.clear()
        self._closed.clear()

    def restore(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Put back what `changes` gave; what an older version did not know takes its default."""
        known = {field.name for field in fields(Mail)}
        for queue_id, state in states.items():
            values = {name: value for name, value in state.items() if name in known}
            self._open[queue_id] = Mail(**values | {"entry": Entry(values["entry"])})

    def _mail(self, queue_id: str, time: float, host: str) -> Mail:
        self._changed.add(queue_id)
        mail = self._open.get(queue_id)
        if mail is None:
            mail = self._open[queue_id] = Mail(queue_id, host, arrival_time(queue_id) or time)
            self._closed.discard(queue_id)
        return mail

    def _close(self, queue_id: str) -> Fact | None:
        mail = self._open.pop(queue_id, None)
        if mail is None:
            return None
        self._changed.discard(queue_id)
        self._closed.add(queue_id)
        return MailFinished(mail)


def _attempt_ended(mail: Mail, attempt: Attempted, daemon: str) -> AttemptEnded:
    delays = attempt.delays
    ended = mail.arrived + attempt.delay
    started = ended - delays.connection_setup - delays.transmission
    if mail.waiting_since is None:
        mail.waiting_since = min(mail.arrived + delays.before_queue_manager, started)
    # A log that begins in the middle of a mail's life shows an attempt without its activation.
    number = mail.activations = max(mail.activations, 1)
    fact = AttemptEnded(
        mail=mail,
        attempt=attempt,
        daemon=daemon,
        number=number,
        first_of_number=number > mail.attempted,
        waiting_since=min(mail.waiting_since, started),
        started=started,
        ended=ended,
    )
    mail.attempted = number
    mail.waiting_since = ended
    return fact
