"""Tracker: joins the log events of one mail by queue id, and derives received, attempt-ended and finished events.

Metrics, spans, the delivery log and the ledger are made from what it returns. It keeps open mails only, up to `limit`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from mail_exporter.delivery_agents import CLEANUP, DISCARD
from mail_exporter.events import (
    AttemptLogged,
    DeliveryStatus,
    LogEvent,
    MailAccepted,
    MailActivated,
    MailExpired,
    MailLogEvent,
    MailRemoved,
    MessageIdSeen,
    NoticeSent,
    TraceContextSeen,
)
from mail_exporter.log_line import Origin
from mail_exporter.mail import AttemptEnded, Mail, MailFinished, MailReceived, MailServer, TrackedEvent
from mail_ledger import Ledger
from mail_telemetry.cause_rules import built_in_classifier
from mail_telemetry.causes import Cause
from mail_telemetry.message_ids import api_message_id
from mail_telemetry.names import Entry, Outcome

_MAX_OPEN_MAILS: Final = 200_000
_EVICTION_FRACTION: Final = 16
"""One mail in 16 is evicted at once, so that eviction costs little for each new mail."""
_CLOSED_KEPT: Final = 100
_OUTCOMES: Final = {DeliveryStatus.SENT: Outcome.SENT, DeliveryStatus.BOUNCED: Outcome.BOUNCED}
_DELIVERED: Final = frozenset({DeliveryStatus.SENT, DeliveryStatus.DELIVERABLE})
_PROBES: Final = frozenset({DeliveryStatus.DELIVERABLE, DeliveryStatus.UNDELIVERABLE})


class Tracker:
    """Follows each mail from its first log line to its last.

    Args:
        limit: how many open mails are kept; above it the oldest are removed and counted in `evicted`.
        server: MAIL_HOSTNAME of the mail server that wrote the log.
        cause_of: returns the cause of a failed attempt from its text and enhanced status code; by default, by the
            built-in rules.
    """

    def __init__(
        self,
        limit: int = _MAX_OPEN_MAILS,
        server: str = "",
        cause_of: Callable[[str, str], Cause] | None = None,
    ) -> None:
        self._cause_of = cause_of or built_in_classifier().cause
        self._limit = limit
        self._server = MailServer(server)
        self._open: dict[str, Mail] = {}
        self._changed: list[Mail] = []
        self._closed: dict[str, Mail] = {}
        """The last closed mails that Postfix itself created: bounce(8) may log a notice after its mail was removed."""
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._open)

    def apply(self, event: LogEvent, time: float, origin: Origin) -> TrackedEvent | None:
        """Apply the event of one line and return what follows from it, or None.

        Args:
            event: the event.
            time: the line's Unix time.
            origin: host and daemon that wrote the line.
        """
        if not isinstance(event, MailLogEvent):
            if isinstance(event, NoticeSent):
                self._relate(event)
            return event  # type: ignore[return-value]  # all other events are returned unchanged
        if isinstance(event, MailRemoved):
            return self._close(event.queue_id, time)
        mail = self._mail(event.queue_id, time, origin)
        if isinstance(event, AttemptLogged):
            return _attempted(mail, event, origin, self._cause_of)
        if isinstance(event, MailActivated):
            return _activated(mail, event)
        if isinstance(event, MailAccepted):
            if mail.activations:
                # Postfix reuses short queue ids; the end of the earlier mail is missing in the log.
                mail = self._begin(event.queue_id, time, origin)
                self._note(mail)
            mail.entry = origin.entry
            mail.traceparent = event.traceparent
        else:
            _update(mail, event)
        return None

    def take_changed(self) -> list[Mail]:
        """Return the mails that changed since the last call, including the closed ones."""
        changed = self._changed
        self._changed = []
        for mail in changed:
            mail.is_changed = False
        return changed

    def restore(self, mails: Iterable[Mail]) -> None:
        """Add mails that were open when an earlier tracker stopped."""
        self._open.update((mail.queue_id, mail) for mail in mails)

    def _mail(self, queue_id: str, time: float, origin: Origin) -> Mail:
        """Return the open mail of this queue id, a new one if there is none, and mark it as changed."""
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
        notice = self._open.get(event.queue_id) or self._closed.get(event.queue_id)
        if notice is None:  # a new mail would overwrite the row in the ledger
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
        oldest = list(islice(self._open, self._limit // _EVICTION_FRACTION + 1))
        for queue_id in oldest:
            del self._open[queue_id]
        self.evicted += len(oldest)

    def _close(self, queue_id: str, time: float) -> TrackedEvent | None:
        mail = self._open.pop(queue_id, None)
        if mail is None:
            return None
        self._note(mail)
        mail.closed = max(time, mail.arrived)
        if mail.entry is Entry.LOCAL:
            self._closed[queue_id] = mail
            if len(self._closed) > _CLOSED_KEPT:
                del self._closed[next(iter(self._closed))]
        if not mail.activations and not mail.attempts:  # rejected after DATA: it never was in the queue
            return None
        left = mail.recipient_count - mail.recipients_finished
        if left <= 0:
            return MailFinished(mail, mail.outcome, 0)
        return MailFinished(mail, Outcome.EXPIRED if mail.expired else Outcome.DELETED, left)


def _update(mail: Mail, event: MailLogEvent) -> None:
    if isinstance(event, MessageIdSeen):
        _message_id_seen(mail, event)
    elif isinstance(event, TraceContextSeen):
        # The first one counts: the API's is logged before the header.
        mail.traceparent = mail.traceparent or event.traceparent
    elif isinstance(event, MailExpired):
        mail.expired = True


def _message_id_seen(mail: Mail, event: MessageIdSeen) -> None:
    mail.message_id = event.message_id
    if mail.entry is Entry.INTERNAL and (api_id := api_message_id(event.message_id)) is not None:
        mail.api_id = api_id
        mail.entry = Entry.API


def _activated(mail: Mail, event: MailActivated) -> MailReceived | None:
    mail.activations += 1
    mail.size, mail.recipient_count = event.size, event.recipient_count
    return MailReceived(mail) if mail.activations == 1 else None


def _attempted(
    mail: Mail, attempt: AttemptLogged, origin: Origin, cause_of: Callable[[str, str], Cause]
) -> AttemptEnded:
    before_queue_manager, queue_manager, connection_setup, transmission = attempt.delays
    ended = mail.arrived + attempt.delay
    # Postfix rounds each number separately: their sum may exceed the total delay.
    started = max(mail.arrived, ended - connection_setup - transmission)
    # A log that begins in the middle of a mail's life has an attempt without its activation. cleanup(8) bounces a
    # recipient before the mail is in the queue.
    number = mail.activations or 1
    if origin.daemon != CLEANUP:
        mail.activations = number
    first_of_number = number > mail.attempted
    if number == 1:
        began = mail.arrived
        activated = min(began + before_queue_manager, started)
    else:
        # The first stage of a retry includes all earlier waits, rounded to seconds; the second stage is more exact.
        if first_of_number or mail.wait_began is None:
            mail.wait_began = mail.arrived if mail.waiting_since is None else mail.waiting_since
        began = min(mail.wait_began, started)
        activated = max(began, started - queue_manager)
    outcome = _outcome(attempt, origin)
    if outcome is not None:
        mail.recipients_finished += 1
        if outcome is not Outcome.SENT and mail.outcome is not Outcome.BOUNCED:
            mail.outcome = outcome
    elif attempt.status in _PROBES:
        mail.recipients_finished += 1
    mail.attempts += 1
    mail.attempted = number
    mail.waiting_since = ended
    event = AttemptEnded()
    event.mail = mail
    event.attempt = attempt
    event.daemon = origin.daemon
    event.ordinal = mail.attempts
    event.number = number
    event.began = began
    event.activated = activated
    event.started = started
    event.connected = min(started + connection_setup, ended)
    event.ended = ended
    event.outcome = outcome
    event.cause = None if attempt.status in _DELIVERED else cause_of(attempt.text, attempt.dsn)
    return event


def _outcome(attempt: AttemptLogged, origin: Origin) -> Outcome | None:
    outcome = _OUTCOMES.get(attempt.status)
    return Outcome.DISCARDED if outcome is Outcome.SENT and origin.daemon == DISCARD else outcome


def open_mails(ledger: Ledger, server: str = "") -> Iterator[Mail]:
    """Yield the mails that are open in the ledger, oldest first, with their worst outcome and their related mails.

    Raises:
        LedgerError: the ledger can't be read.
    """
    for mail in [Mail.of_row(row) for row in ledger.open_messages(server)]:
        if mail.recipients_finished:
            mail.outcome = _stored_outcome(mail, ledger)
        if mail.notice_of and not mail.attempts:
            for row in ledger.find_messages(mail.notice_of):
                if row.server == mail.server:
                    relate(mail, Mail.of_row(row))
                    break
        yield mail


def relate(notice: Mail, about: Mail) -> None:
    """Link a bounce or notice with the mail that it is about, in both directions."""
    notice.about = about
    about.notices += (notice,)


def _stored_outcome(mail: Mail, ledger: Ledger) -> Outcome:
    attempts = ledger.attempts(mail.id)
    if any(attempt.status == Outcome.BOUNCED for attempt in attempts):
        return Outcome.BOUNCED
    is_discarded = any(attempt.agent == DISCARD and attempt.status == Outcome.SENT for attempt in attempts)
    return Outcome.DISCARDED if is_discarded else Outcome.SENT
