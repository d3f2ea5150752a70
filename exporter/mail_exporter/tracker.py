"""Queue id to one mail's life: joins the events of several daemons and says what they amount to.

Facts are what metrics, spans and the ledger are made of; an event that concerns no mail is a fact as it is. The
tracker remembers open mails only, and no more than `limit` of them.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from mail_exporter.events import (
    Accepted,
    Activated,
    Attempted,
    Event,
    Expired,
    MailEvent,
    MessageIdSeen,
    NoticeSent,
    Removed,
    Status,
    TraceSeen,
)
from mail_exporter.facts import AttemptEnded, Fact, MailFinished, MailReceived
from mail_exporter.mail import Mail, Server
from mail_exporter.record import Origin
from mail_exporter.relays import DISCARD
from mail_telemetry.causes import classify
from mail_telemetry.message_ids import api_message_id
from mail_telemetry.names import Entry, Outcome

_MAX_OPEN_MAILS: Final = 200_000
_EVICTED_AT_ONCE: Final = 16
"""One part in so many, so that making room costs little for each mail."""
_LEFT_KEPT: Final = 100
# Looking a member up in its class takes longer than what is done with it.
_INTERNAL: Final = Entry.INTERNAL
_LOCAL: Final = Entry.LOCAL
_API: Final = Entry.API
_SENT: Final = Outcome.SENT
_BOUNCED: Final = Outcome.BOUNCED
_OUTCOMES: Final = {Status.SENT: Outcome.SENT, Status.BOUNCED: Outcome.BOUNCED}
_DELIVERED: Final = frozenset({Status.SENT, Status.DELIVERABLE})
_PROBES: Final = frozenset({Status.DELIVERABLE, Status.UNDELIVERABLE})


def relate(notice: Mail, about: Mail) -> None:
    """Make a bounce or notice and the mail that it is about know each other."""
    notice.about = about
    about.notices += (notice,)


class Tracker:
    """Follows mails from their first line to their last.

    Args:
        limit: how many open mails are remembered; the oldest go first, and are counted in `evicted`.
        server: whose mails they are.
    """

    def __init__(self, limit: int = _MAX_OPEN_MAILS, server: str = "") -> None:
        self._limit = limit
        self._server = Server(server)
        self._open: dict[str, Mail] = {}
        self._changed: list[Mail] = []
        self._left: dict[str, Mail] = {}
        """The last of Postfix's own mails that left: bounce(8) may log its notice after that."""
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._open)

    def apply(self, event: Event, time: float, origin: Origin) -> Fact | None:
        """Take an event in and return what it amounts to, if anything.

        Args:
            event: what one line said.
            time: the line's Unix time.
            origin: who wrote the line.
        """
        if not isinstance(event, MailEvent):
            if isinstance(event, NoticeSent):
                self._relate(event)
            return event  # type: ignore[return-value]  # what concerns no mail is a fact as it is
        if isinstance(event, Removed):
            return self._close(event.queue_id, time)
        mail = self._mail(event.queue_id, time, origin)
        if isinstance(event, Attempted):
            return _attempted(mail, event, origin)
        if isinstance(event, Activated):
            return _activated(mail, event)
        if isinstance(event, Accepted):
            if mail.activations:
                # A short queue id that is used again, by a mail whose predecessor's end was not logged.
                mail = self._begin(event.queue_id, time, origin)
                self._note(mail)
            mail.entry = origin.entry
            mail.traceparent = event.traceparent
        else:
            _learn(mail, event)
        return None

    def take_changed(self) -> list[Mail]:
        """Return the mails that changed since the last call, the closed ones too."""
        changed = self._changed
        self._changed = []
        for mail in changed:
            mail.is_changed = False
        return changed

    def restore(self, mails: Iterable[Mail]) -> None:
        """Put back mails that were open when another tracker stopped."""
        self._open.update((mail.queue_id, mail) for mail in mails)

    def _mail(self, queue_id: str, time: float, origin: Origin) -> Mail:
        """Return the mail, a new one if need be, to which something happens now."""
        mail = self._open.get(queue_id)
        if mail is None:
            mail = self._begin(queue_id, time, origin)
        self._note(mail)
        return mail

    def _note(self, mail: Mail) -> None:
        if not mail.is_changed:
            mail.is_changed = True
            self._changed.append(mail)

    def _relate(self, event: NoticeSent) -> None:
        notice = self._open.get(event.queue_id) or self._left.get(event.queue_id)
        if notice is None:  # to begin it anew would write over what the ledger has of it
            return
        self._note(notice)
        notice.notice_of = event.about
        about = self._open.get(event.about)
        if about is not None:
            relate(notice, about)

    def _begin(self, queue_id: str, time: float, origin: Origin) -> Mail:
        if len(self._open) >= self._limit:
            self._evict()
        mail = self._open[queue_id] = Mail.seen(queue_id, origin.host, time, self._server)
        return mail

    def _evict(self) -> None:
        oldest = list(islice(self._open, self._limit // _EVICTED_AT_ONCE + 1))
        for queue_id in oldest:
            del self._open[queue_id]
        self.evicted += len(oldest)

    def _close(self, queue_id: str, time: float) -> Fact | None:
        mail = self._open.pop(queue_id, None)
        if mail is None:
            return None
        self._note(mail)
        mail.closed = max(time, mail.arrived)
        if mail.entry is _LOCAL:
            self._left[queue_id] = mail
            if len(self._left) > _LEFT_KEPT:
                del self._left[next(iter(self._left))]
        if not mail.activations:  # refused behind DATA: it never was in the queue
            return None
        left = mail.recipient_count - mail.recipients_finished
        if left <= 0:
            return MailFinished(mail, mail.outcome, 0)
        return MailFinished(mail, Outcome.EXPIRED if mail.expired else Outcome.DELETED, left)


def _learn(mail: Mail, event: MailEvent) -> None:
    if isinstance(event, MessageIdSeen):
        _message_id_seen(mail, event)
    elif isinstance(event, TraceSeen):
        # The first one wins: the API's came before the mail itself.
        mail.traceparent = mail.traceparent or event.traceparent
    elif isinstance(event, Expired):
        mail.expired = True


def _message_id_seen(mail: Mail, event: MessageIdSeen) -> None:
    mail.message_id = event.message_id
    if mail.entry is _INTERNAL and (api_id := api_message_id(event.message_id)) is not None:
        mail.api_id = api_id
        mail.entry = _API


def _activated(mail: Mail, event: Activated) -> MailReceived | None:
    mail.activations += 1
    mail.size, mail.recipient_count = event.size, event.recipient_count
    return MailReceived(mail) if mail.activations == 1 else None


def _attempted(mail: Mail, attempt: Attempted, origin: Origin) -> AttemptEnded:
    before_queue_manager, queue_manager, connection_setup, transmission = attempt.delays
    ended = mail.arrived + attempt.delay
    # Postfix rounds each of these numbers by itself: their sum may be longer than the whole.
    started = max(mail.arrived, ended - connection_setup - transmission)
    # A log that begins in the middle of a mail's life shows an attempt without its activation.
    number = mail.activations = mail.activations or 1
    first_of_number = number > mail.attempted
    if number == 1:
        began = mail.arrived
        activated = min(began + before_queue_manager, started)
    else:
        # Later first stages have all earlier waits in them, to the second: the second stage tells more.
        if first_of_number or mail.wait_began is None:
            mail.wait_began = mail.arrived if mail.waiting_since is None else mail.waiting_since
        began = min(mail.wait_began, started)
        activated = max(began, started - queue_manager)
    outcome = _outcome(attempt, origin)
    if outcome is not None:
        mail.recipients_finished += 1
        if outcome is not _SENT and mail.outcome is not _BOUNCED:
            mail.outcome = outcome
    elif attempt.status in _PROBES:
        mail.recipients_finished += 1
    mail.attempts += 1
    mail.attempted = number
    mail.waiting_since = ended
    return AttemptEnded(
        mail,
        attempt,
        origin.daemon,
        ordinal=mail.attempts,
        number=number,
        began=began,
        activated=activated,
        started=started,
        connected=min(started + connection_setup, ended),
        ended=ended,
        outcome=outcome,
        cause=None if attempt.status in _DELIVERED else classify(attempt.text, attempt.dsn),
    )


def _outcome(attempt: Attempted, origin: Origin) -> Outcome | None:
    outcome = _OUTCOMES.get(attempt.status)
    return Outcome.DISCARDED if outcome is _SENT and origin.daemon == DISCARD else outcome
