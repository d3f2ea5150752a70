"""`mail-exporter explain`: the life of one mail, out of the ledger and the live queue, for a person."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from mail_exporter.attributes import last_stage
from mail_exporter.mail import Mail
from mail_exporter.queue import QueuedMail
from mail_exporter.relays import RELAY_DAEMONS
from mail_exporter.span_ids import trace_of
from mail_exporter.tree import Branch, draw, shortened
from mail_ledger import AttemptRow, MessageRow
from mail_telemetry.causes import EXPLANATIONS, Cause, classify
from mail_telemetry.names import SpanName

Row = tuple[str, str]
"""What a line is about, and what it says."""

_KEY_WIDTH: Final = 15
_SHOWN: Final = 5
"""Attempts; a mail that waits for days has a hundred, and most say the same."""
_DELIVERED: Final = frozenset({"sent", "deliverable"})


def explain(mail: MessageRow, attempts: Sequence[AttemptRow], queued: QueuedMail | None, *, queue_known: bool) -> str:
    """Return when, where, what was tried, why it waits, whether a retry can succeed, what to do, and the trace.

    Args:
        mail: the mail.
        attempts: what was tried.
        queued: the mail as it stands in the queue, if it does.
        queue_known: whether the queue could be read.
    """
    rows = [
        ("mail", mail.queue_id + (f", {mail.api_id}" if mail.api_id else "")),
        ("arrived", f"{_moment(mail.arrived)} at {mail.server or mail.host}, entry {mail.entry}"),
        ("size", f"{mail.size:,} bytes, {_count(mail.recipient_count, 'recipient')}"),
        *([("is about", f"{mail.notice_of}, as a bounce or notice")] if mail.notice_of else []),
        ("state", _state(mail, attempts, queued, queue_known=queue_known)),
        *_attempts(attempts),
        *_advice(mail, attempts, queued),
        ("trace", f"{trace_of(Mail.of_row(mail)).trace_id:032x}"),
    ]
    return "\n".join((*(f"{key:<{_KEY_WIDTH}}{text}" for key, text in rows), "", draw([*_tree(mail, attempts)])))


def _state(mail: MessageRow, attempts: Sequence[AttemptRow], queued: QueuedMail | None, *, queue_known: bool) -> str:
    if mail.closed is not None:
        return f"left the queue {_moment(mail.closed)}: {_end(mail, attempts)}"
    if queued is not None:
        return f"in the queue, {queued.queue}" + (" (held by a person: postsuper -H)" if queued.queue == "hold" else "")
    if queue_known:
        return "not in the queue any more, by the live queue; its last lines are not read yet, or were lost"
    return "in the queue, by the log; the live queue can't be read now"


def _end(mail: MessageRow, attempts: Sequence[AttemptRow]) -> str:
    ends = [attempt.status for attempt in attempts if attempt.status in ("sent", "bounced")]
    words = [f"{ends.count(status)} {status}" for status in dict.fromkeys(ends)]
    if (left := mail.recipient_count - mail.recipients_finished) > 0:
        words.append(f"{left} {'expired' if mail.expired else 'deleted'}")
    return ", ".join(words) or "nothing was tried"


def _attempts(attempts: Sequence[AttemptRow]) -> Iterator[Row]:
    """Yield all attempts, or the first and the last ones of many."""
    shown = attempts if len(attempts) <= _SHOWN else [attempts[0], *attempts[1 - _SHOWN :]]
    for attempt in shown:
        yield from _attempt(attempt)
        if attempt is attempts[0] and len(shown) < len(attempts):
            yield "...", f"{len(attempts) - len(shown)} more"


def _attempt(attempt: AttemptRow) -> Iterator[Row]:
    how = "not tried, since the destination had just failed" if attempt.suspended else f"by {attempt.relay}"
    forwarded = ", forwarded by an alias" if attempt.forwarded else ""
    to = f"{_moment(attempt.ended)} to {attempt.recipient}{forwarded}"
    yield f"attempt {attempt.number}", f"{to}: {attempt.status} {attempt.dsn}, {how}"
    yield "", attempt.reply


def _advice(mail: MessageRow, attempts: Sequence[AttemptRow], queued: QueuedMail | None) -> Iterator[Row]:
    """Yield the cause of the last failure, if it still matters, with the table's words."""
    last = attempts[-1] if attempts else None
    if last is not None and last.status in _DELIVERED:
        return
    if last is not None and last.cause is not None:
        cause = Cause(last.cause)
    elif queued is not None and queued.reason is not None:
        cause = classify(queued.reason, "")
    else:
        return
    explanation = EXPLANATIONS[cause]
    retry = "yes, by itself" if explanation.retry_can_succeed else "not before something is changed"
    is_over = mail.closed is not None
    yield "why it failed" if is_over else "why it waits", f"{cause.value}: {explanation.meaning}"
    yield "retry", "no: the mail is gone from the queue" if is_over else retry
    yield "next step", explanation.next_step


def _tree(mail: MessageRow, attempts: Sequence[AttemptRow]) -> Iterator[Branch]:
    """Yield the mail's spans as the trace has them; of many attempts the last ones."""
    last = mail.closed or mail.arrived
    yield Branch(0, SpanName.RECEIVE, mail.arrived, attempts[0].waiting_since if attempts else last)
    for attempt in attempts[-_SHOWN:]:
        yield from _attempt_tree(attempt, _began(mail, attempts, attempt))
    if mail.closed is not None:
        last = attempts[-1].ended if attempts else mail.arrived
        yield Branch(1, SpanName.FINISH, last, max(last, mail.closed), _end(mail, attempts))


def _began(mail: MessageRow, attempts: Sequence[AttemptRow], attempt: AttemptRow) -> float:
    before = [other.ended for other in attempts if other.number < attempt.number]
    return min(before[-1] if before else mail.arrived, attempt.waiting_since)


def _attempt_tree(attempt: AttemptRow, began: float) -> Iterator[Branch]:
    why = f": {attempt.cause}" if attempt.cause else ""
    yield Branch(1, SpanName.ATTEMPT, began, attempt.ended, f"{attempt.status}{why}, {shortened(attempt.reply)}")
    last = last_stage(
        attempt.agent,
        attempt.reply,
        suspended=attempt.suspended,
        delivered=attempt.status in _DELIVERED,
        sending=attempt.ended - attempt.connected,
    )
    for name, start, end in (
        (SpanName.WAIT, began, attempt.waiting_since),
        (SpanName.QUEUE, attempt.waiting_since, attempt.started),
        (SpanName.CONNECT, attempt.started, attempt.connected),
        (SpanName.TRANSMIT, attempt.connected, attempt.ended),
    ):
        if name is not SpanName.CONNECT or attempt.agent in RELAY_DAEMONS:
            yield Branch(2, name, start, end, attempt.cause or "" if name is last else "")
        if name is last:
            return


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
