"""`mail-exporter explain`: the life of one mail, out of the ledger and the live queue, for a person."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from mail_exporter.mail import Mail
from mail_exporter.queue import QueuedMail
from mail_exporter.tracing import trace_of
from mail_exporter.tree import Branch, draw
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
    return "\n".join((*(f"{key:<{_KEY_WIDTH}}{text}" for key, text in rows), "", draw(_tree(mail, attempts))))


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


def _tree(mail: MessageRow, attempts: Sequence[AttemptRow]) -> list[Branch]:
    first = attempts[0].waiting_since if attempts else mail.arrived
    branches = [Branch(0, SpanName.RECEIVE, mail.arrived, first)]
    number = 0
    for attempt in attempts[-_SHOWN:]:
        if attempt.number != number:
            number = attempt.number
            branches.append(Branch(1, SpanName.QUEUE, attempt.waiting_since, attempt.started))
        note = "" if attempt.cause is None else f"{attempt.status}: {attempt.cause}"
        branches.append(Branch(2, SpanName.ATTEMPT, attempt.started, attempt.ended, note))
        if attempt.relay != "none":
            branches.append(Branch(3, SpanName.CONNECT, attempt.started, attempt.connected))
            branches.append(Branch(3, SpanName.TRANSMIT, attempt.connected, attempt.ended))
    return branches


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
