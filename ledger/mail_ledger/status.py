"""What became of a mail, out of what the API wrote down and what the log tells: the words, and the pure rule.

The log beats the API's own knowledge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mail_ledger.backoff import Backoff, Retry
from mail_ledger.facts import AttemptRow, MessageRow
from mail_ledger.recipients import FINAL, RecipientStatus, cause_of, recipient_statuses
from mail_ledger.state import State
from mail_ledger.submission import Submission, SubmissionState
from mail_telemetry.causes import EXPLANATIONS, Cause
from mail_telemetry.masking import mask_address

_OF_SUBMISSION: Final[Mapping[SubmissionState, State]] = {
    SubmissionState.PENDING: State.PENDING,
    SubmissionState.ACCEPTED: State.ACCEPTED,
    SubmissionState.FAILED: State.FAILED,
    SubmissionState.UNKNOWN: State.UNKNOWN,
}
# The worst of the recipients' states is the mail's; what still moves comes before what is over.
_BY_WEIGHT: Final = (State.DEFERRED, State.QUEUED, State.BOUNCED, State.EXPIRED, State.DELETED, State.RELAYED)


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """All that is known about one mail; times are Unix seconds, None is not known or not there."""

    id: str
    state: State
    created: float
    """When the API began with it, or it arrived at the mail server."""
    queued: float | None
    finished: float | None
    """When it left the queue, or failed before it."""
    attempts: int
    """How often it was tried for any recipient."""
    code: str | None
    """Why the API's submission failed or is unknown."""
    cause: Cause | None
    """Why the last attempt failed; None when it did not."""
    retry: Retry | None
    gives_up_at: float | None
    recipients: tuple[RecipientStatus, ...]
    submission: Submission | None
    """None: the ledger could not be written when the mail was accepted, or the row was pruned."""
    message: MessageRow | None
    trace_id: str | None

    @property
    def queue_id(self) -> str | None:
        """The id in the mail server's queue."""
        known = self.submission.queue_id if self.submission else None
        return self.message.queue_id if self.message else known

    @property
    def retry_can_succeed(self) -> bool | None:
        """Whether waiting can help without somebody doing something; None where nothing failed."""
        return EXPLANATIONS[self.cause].retry_can_succeed if self.cause else None

    @property
    def next_step(self) -> str | None:
        """What somebody can do about the cause."""
        return EXPLANATIONS[self.cause].next_step if self.cause else None


def state_of(
    submission: Submission | None,
    message: MessageRow | None,
    attempts: Sequence[AttemptRow],
    backoff: Backoff = Backoff(),  # noqa: B008 - immutable
) -> MessageStatus:
    """Return what became of a mail.

    Args:
        submission: what the API wrote down, if it could.
        message: the mail in the log, if it is there.
        attempts: its attempts, in their order.
        backoff: the mail server's times.

    Raises:
        ValueError: neither of the first two is given.
    """
    if message is None or not (message.activations or message.closed):
        if submission is None:
            raise ValueError("a mail of which nothing is known has no state")
        return _unlogged(submission)
    recipients = recipient_statuses(submission.recipients if submission else (), message, attempts)
    states = {recipient.state for recipient in recipients}
    state = next((state for state in _BY_WEIGHT if state in states), State.QUEUED)
    causes = [cause for attempt in attempts if (cause := cause_of(attempt))]
    last_ended = attempts[-1].ended if attempts else message.arrived
    is_waiting = state is State.DEFERRED
    return MessageStatus(
        id=submission.id if submission else message.api_id or message.id,
        state=state,
        created=submission.created if submission else message.arrived,
        queued=message.arrived,
        # The log tells the removal to the second only, an attempt's end more finely.
        finished=None if message.closed is None else max(message.closed, last_ended),
        attempts=len({attempt.number for attempt in attempts if not attempt.suspended}),
        code=None,
        cause=causes[-1] if causes and state is not State.RELAYED else None,
        retry=backoff.next_retry(message.arrived, last_ended) if is_waiting else None,
        gives_up_at=backoff.gives_up_at(message.arrived) if is_waiting else None,
        recipients=recipients,
        submission=submission,
        message=message,
        trace_id=_trace_id(submission, message),
    )


def visible_facts(
    submission: Submission | None, message: MessageRow | None, attempts: Sequence[AttemptRow]
) -> tuple[Submission | None, MessageRow | None, Sequence[AttemptRow]]:
    """Return the facts about the recipients outside bcc, as if the mail had gone to them alone.

    Masked addresses of several recipients can be the same. Then none of these recipients is shown.
    """
    if submission is None or not submission.hidden:
        return submission, message, attempts
    hidden = set(map(mask_address, submission.hidden))
    recipients = tuple(one for one in submission.recipients if mask_address(one) not in hidden)
    tried = [one for one in attempts if mask_address(one.recipient) not in hidden]
    if message is not None:
        count = max(message.recipient_count - len(submission.recipients) + len(recipients), 0)
        is_over = len({one.recipient for one in tried if one.status in FINAL}) >= count > 0
        last = tried[-1].ended if is_over else None  # the queue keeps the mail until the last hidden recipient is done
        message = message._replace(recipient_count=count, closed=message.closed if last is None else last)
    return replace(submission, recipients=recipients), message, tried


def _unlogged(submission: Submission) -> MessageStatus:
    state = _OF_SUBMISSION[submission.state]
    return MessageStatus(
        id=submission.id,
        state=state,
        created=submission.created,
        queued=None,
        finished=submission.finished if state is State.FAILED else None,
        attempts=0,
        code=submission.code,
        cause=None,
        retry=None,
        gives_up_at=None,
        recipients=tuple(RecipientStatus(recipient, state) for recipient in submission.recipients),
        submission=submission,
        message=None,
        trace_id=submission.trace_id,
    )


def _trace_id(submission: Submission | None, message: MessageRow) -> str | None:
    """Return the trace's id; a traceparent is version-trace-parent-flags (W3C Trace Context)."""
    if submission and submission.trace_id:
        return submission.trace_id
    parts = (message.traceparent or "").split("-")
    return parts[1] if len(parts) > 1 else None
