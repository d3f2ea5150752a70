"""Status of a mail and of each of its recipients, from the API's submission and the mail log: pure functions.

    pending ──▶ accepted ──▶ queued ──▶ deferred ──▶ relayed | bounced | expired | deleted
    pending ──▶ failed | unknown                     (the mail is not in the queue)

Where the mail log and the submission differ, the log decides.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from mail_ledger.submissions import Submission
from mail_ledger.tables import AttemptRow, MessageRow, SubmissionState
from mail_telemetry.cause_rules import Classifier, Diagnosis, built_in_classifier
from mail_telemetry.causes import Cause
from mail_telemetry.masking import mask_address
from mail_telemetry.replies import is_possible_duplicate


class State(StrEnum):
    """The state of a mail, or of one of its recipients."""

    CAUGHT = "caught"
    """The honeypot caught it; it was not sent."""
    PENDING = "pending"
    """The API is sending it to the mail server."""
    ACCEPTED = "accepted"
    """The mail server accepted it; the log does not show it yet."""
    QUEUED = "queued"
    DEFERRED = "deferred"
    RELAYED = "relayed"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    DELETED = "deleted"
    """It was deleted from the queue by hand."""
    UNKNOWN = "unknown"
    FAILED = "failed"
    """The mail server did not accept it."""


_OF_SUBMISSION: Final[Mapping[SubmissionState, State]] = {
    SubmissionState.PENDING: State.PENDING,
    SubmissionState.ACCEPTED: State.ACCEPTED,
    SubmissionState.FAILED: State.FAILED,
    SubmissionState.UNKNOWN: State.UNKNOWN,
}
_FINAL: Final = {"sent": State.RELAYED, "bounced": State.BOUNCED}
"""The statuses of an attempt after which its recipient is finished."""

# The mail has the first of these states that one of its recipients has: unfinished ones first, then the worst.
_BY_WEIGHT: Final = (State.DEFERRED, State.QUEUED, State.BOUNCED, State.EXPIRED, State.DELETED, State.RELAYED)


class Retry(NamedTuple):
    """When Postfix makes the next attempt: between these two times (Unix seconds)."""

    earliest: float
    latest: float


class Backoff(NamedTuple):
    """Postfix's retry times, in seconds, under the names of its parameters.

    A mail waits as long as it has been in the queue, within minimal_backoff_time and maximal_backoff_time
    (src/qmgr/qmgr_active.c, qmgr_active_done_3_generic). So each wait is about as long as all earlier ones together,
    and depends on the mail's age only. Postfix scans the deferred queue every queue_run_delay.
    """

    minimal_backoff_time: float = 300.0
    maximal_backoff_time: float = 3600.0
    queue_run_delay: float = 300.0
    maximal_queue_lifetime: float = 432_000.0

    def next_retry(self, arrived: float, last_ended: float) -> Retry:
        """Return when a mail is tried again, from its arrival and the end of its last attempt."""
        age = last_ended - arrived
        earliest = last_ended + min(max(age, self.minimal_backoff_time), self.maximal_backoff_time)
        return Retry(earliest, earliest + self.queue_run_delay)

    def gives_up_at(self, arrived: float) -> float:
        """Return the time after which a failed attempt is the last one."""
        return arrived + self.maximal_queue_lifetime


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """The status of one recipient; the fields of its last attempt are None before the first one."""

    recipient: str
    """As stored: masked or full."""
    state: State
    ended: float | None = None
    relay: str | None = None
    dsn: str | None = None
    cause: Cause | None = None
    reply: str | None = None
    possible_duplicate: bool = False
    """Whether the recipient may have the mail twice, or will get it twice: see `mail_telemetry.replies`."""


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """The status of one mail; times are Unix seconds, None for unknown or not applicable."""

    id: str
    state: State
    created: float
    """When the API began to send it, or its arrival at the mail server."""
    queued: float | None
    finished: float | None
    """When it left the queue, or failed before."""
    attempts: int
    """How many times it was tried, over all recipients."""
    code: str | None
    """Why the API's submission failed or is unknown."""
    failure: Diagnosis | None
    """Why the last attempt failed, and what to do; None when it did not."""
    retry: Retry | None
    gives_up_at: float | None
    recipients: tuple[RecipientStatus, ...]
    submission: Submission | None
    """None: the ledger could not be written when the mail was accepted, or the row was pruned."""
    message: MessageRow | None
    trace_id: str | None

    @property
    def queue_id(self) -> str | None:
        """The queue id at the mail server."""
        known = self.submission.queue_id if self.submission else None
        return self.message.queue_id if self.message else known

    @property
    def cause(self) -> Cause | None:
        """Why the last attempt failed; None when it did not."""
        return self.failure.cause if self.failure else None

    @property
    def retry_can_succeed(self) -> bool | None:
        """Whether a retry can succeed without a change; None when nothing failed."""
        return self.failure.retry_can_succeed if self.failure else None

    @property
    def next_step(self) -> str | None:
        """What to do about it: the next step of the rule that fits the reply, or that of the cause."""
        return self.failure.next_step if self.failure else None

    @property
    def possible_duplicate(self) -> bool:
        """Whether one of the recipients may have the mail twice."""
        return any(one.possible_duplicate for one in self.recipients)


def message_status(
    submission: Submission | None,
    message: MessageRow | None,
    attempts: Sequence[AttemptRow],
    backoff: Backoff = Backoff(),  # noqa: B008 - immutable
    classifier: Classifier | None = None,
) -> MessageStatus:
    """Return the status of a mail.

    Args:
        submission: the API's record, if there is one.
        message: the mail in the log, if it is there.
        attempts: its attempts, in their order.
        backoff: Postfix's retry times.
        classifier: finds the next step of a failed attempt; None has the built-in rules.

    Raises:
        ValueError: there is neither a submission nor a mail in the log.
    """
    if message is None or not (message.activations or message.closed):
        if submission is None:
            raise ValueError("a status needs a submission or a mail of the log")
        return _status_before_log(submission)
    recipients = recipient_statuses(submission.recipients if submission else (), message, attempts)
    states = {recipient.state for recipient in recipients}
    state = next((state for state in _BY_WEIGHT if state in states), State.QUEUED)
    failed = [attempt for attempt in attempts if attempt.cause]
    last_ended = attempts[-1].ended if attempts else message.arrived
    is_waiting = state is State.DEFERRED
    return MessageStatus(
        id=submission.id if submission else message.api_id or message.id,
        state=state,
        created=submission.created if submission else message.arrived,
        queued=message.arrived,
        # The log has the removal's time in whole seconds, an attempt's end more precisely.
        finished=None if message.closed is None else max(message.closed, last_ended),
        attempts=len({attempt.number for attempt in attempts if not attempt.suspended}),
        code=None,
        failure=_diagnosis(failed[-1], classifier) if failed and state is not State.RELAYED else None,
        retry=backoff.next_retry(message.arrived, last_ended) if is_waiting else None,
        gives_up_at=backoff.gives_up_at(message.arrived) if is_waiting else None,
        recipients=recipients,
        submission=submission,
        message=message,
        trace_id=_trace_id(submission, message),
    )


def without_hidden_recipients(
    submission: Submission | None, message: MessageRow | None, attempts: Sequence[AttemptRow]
) -> tuple[Submission | None, MessageRow | None, Sequence[AttemptRow]]:
    """Return the arguments of `message_status` without the bcc recipients, as if the mail had none.

    Several recipients can have the same masked address. If one of them is in bcc, none of them is kept.
    """
    if submission is None or not submission.hidden:
        return submission, message, attempts
    hidden = set(map(mask_address, submission.hidden))
    recipients = tuple(one for one in submission.recipients if mask_address(one) not in hidden)
    visible = [one for one in attempts if mask_address(one.recipient) not in hidden]
    if message is not None:
        count = max(message.recipient_count - len(submission.recipients) + len(recipients), 0)
        is_over = len({one.recipient for one in visible if one.status in _FINAL}) >= count > 0
        last = visible[-1].ended if is_over else None  # the mail stays in the queue for its bcc recipients
        message = message._replace(recipient_count=count, closed=message.closed if last is None else last)
    return replace(submission, recipients=recipients), message, visible


def recipient_statuses(
    submitted: Sequence[str], message: MessageRow, attempts: Sequence[AttemptRow]
) -> tuple[RecipientStatus, ...]:
    """Return one status per recipient of the mail.

    Several recipients can have the same masked address (`a***@example.com`). They are counted instead of
    distinguished: each activation of the mail makes one attempt for every recipient that is not finished.

    Args:
        submitted: the recipients as the API stored them, for those without an attempt.
        message: the mail.
        attempts: its attempts, in their order.
    """
    finished = [_recipient_status(attempt, _FINAL[attempt.status]) for attempt in attempts if attempt.status in _FINAL]
    unfinished = max(message.recipient_count - len(finished), 0)
    waiting = list(_waiting(message, attempts))[:unfinished]
    shown = Counter(mask_address(status.recipient) for status in (*finished, *waiting))
    untried = []
    for recipient in submitted:
        if shown[mask_address(recipient)]:
            shown[mask_address(recipient)] -= 1
        else:
            untried.append(RecipientStatus(recipient, _unfinished(message, State.QUEUED)))
    found = (*finished, *waiting, *untried[: unfinished - len(waiting)])
    twice = {one.recipient for one in attempts if is_possible_duplicate(one.reply) and not one.suspended}
    return tuple(
        replace(
            one,
            recipient=_as_submitted(one.recipient, submitted),
            possible_duplicate=mask_address(one.recipient) in twice,
        )
        for one in found
    )


def _as_submitted(recipient: str, submitted: Sequence[str]) -> str:
    """Return the address as the API stored it, if only one of the mail's recipients has this masked form."""
    matching = {address for address in submitted if mask_address(address) == recipient}
    return matching.pop() if len(matching) == 1 else recipient


def _waiting(message: MessageRow, attempts: Sequence[AttemptRow]) -> Iterator[RecipientStatus]:
    for recipient in dict.fromkeys(attempt.recipient for attempt in attempts):
        its = [attempt for attempt in attempts if attempt.recipient == recipient]
        deferred = [attempt for attempt in its if attempt.status not in _FINAL]
        same_mask = max(Counter(attempt.number for attempt in its).values())
        for _ in range(same_mask - (len(its) - len(deferred))):
            yield _recipient_status(deferred[-1], _unfinished(message, State.DEFERRED))


def _unfinished(message: MessageRow, while_open: State) -> State:
    if message.expired:
        return State.EXPIRED
    return while_open if message.closed is None else State.DELETED


def _recipient_status(attempt: AttemptRow, state: State) -> RecipientStatus:
    return RecipientStatus(
        recipient=attempt.recipient,
        state=state,
        ended=attempt.ended,
        relay=attempt.relay,
        dsn=attempt.dsn,
        cause=_cause(attempt),
        reply=attempt.reply,
    )


def _cause(attempt: AttemptRow) -> Cause | None:
    """Return why an attempt failed, or None when it did not; a cause of a newer version is `other`."""
    if not attempt.cause:
        return None
    try:
        return Cause(attempt.cause)
    except ValueError:
        return Cause.OTHER


def _diagnosis(attempt: AttemptRow, classifier: Classifier | None) -> Diagnosis:
    return (classifier or built_in_classifier()).diagnose_stored(
        attempt.reply, attempt.dsn, _cause(attempt) or Cause.OTHER
    )


def _status_before_log(submission: Submission) -> MessageStatus:
    state = _OF_SUBMISSION[submission.state]
    return MessageStatus(
        id=submission.id,
        state=state,
        created=submission.created,
        queued=None,
        finished=submission.finished if state is State.FAILED else None,
        attempts=0,
        code=submission.code,
        failure=None,
        retry=None,
        gives_up_at=None,
        recipients=tuple(RecipientStatus(recipient, state) for recipient in submission.recipients),
        submission=submission,
        message=None,
        trace_id=submission.trace_id,
    )


def _trace_id(submission: Submission | None, message: MessageRow) -> str | None:
    """Return the trace id; a traceparent is version-trace-parent-flags (W3C Trace Context)."""
    if submission and submission.trace_id:
        return submission.trace_id
    parts = (message.traceparent or "").split("-")
    return parts[1] if len(parts) > 1 else None
