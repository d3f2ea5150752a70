"""`mail-exporter explain`: attempts, state, cause, next step and trace of one mail, from ledger and queue."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from mail_exporter.attributes import last_stage
from mail_exporter.collectors.queue import QueuedMail
from mail_exporter.delivery_agents import RELAY_DAEMONS
from mail_exporter.mail import Mail
from mail_exporter.span_ids import trace_of
from mail_ledger import AttemptRow, MessageRow
from mail_telemetry.cause_rules import Classifier
from mail_telemetry.causes import EXPLANATIONS, Cause
from mail_telemetry.names import SpanName
from mail_telemetry.replies import is_possible_duplicate

Row = tuple[str, str]
"""Label and text of a line."""

_KEY_WIDTH: Final = 15
_SHOWN: Final = 5
"""Attempts; a mail that waits for days has a hundred, most of them with the same reply."""
_REPLY_WIDTH: Final = 80
_DELIVERED: Final = frozenset({"sent", "deliverable"})


class SpanNode(NamedTuple):
    """A span in the tree; start and end are Unix seconds."""

    depth: int
    name: str
    start: float
    end: float
    note: str = ""


def explain(
    mail: MessageRow,
    attempts: Sequence[AttemptRow],
    queued: QueuedMail | None,
    classifier: Classifier,
    *,
    queue_known: bool,
) -> str:
    """Return the explanation of a mail as text.

    Args:
        mail: the mail.
        attempts: its delivery attempts.
        queued: its entry in the live queue, if there is one.
        classifier: finds the cause and the next step of a failed attempt.
        queue_known: whether the queue could be read.
    """
    rows = [
        ("mail", mail.queue_id + (f", {mail.api_id}" if mail.api_id else "")),
        ("arrived", f"{_moment(mail.arrived)} at {mail.server or mail.host}, entry {mail.entry}"),
        ("size", f"{mail.size:,} bytes, {_count(mail.recipient_count, 'recipient')}"),
        *([("notice of", f"{mail.notice_of} (bounce or notice about this mail)")] if mail.notice_of else []),
        ("state", _state(mail, attempts, queued, queue_known=queue_known)),
        *_attempts(attempts),
        *_advice(mail, attempts, queued, classifier),
        ("trace", f"{trace_of(Mail.of_row(mail)).trace_id:032x}"),
    ]
    return "\n".join((*(f"{key:<{_KEY_WIDTH}}{text}" for key, text in rows), "", draw_tree([*_tree(mail, attempts)])))


def _state(mail: MessageRow, attempts: Sequence[AttemptRow], queued: QueuedMail | None, *, queue_known: bool) -> str:
    if mail.closed is not None:
        return f"left the queue {_moment(mail.closed)}: {_end(mail, attempts)}"
    if queued is not None:
        hold = " (put on hold by an operator; release it with postsuper -H)" if queued.queue == "hold" else ""
        return f"in the queue, {queued.queue}{hold}"
    if queue_known:
        return "not in the live queue any more; its last log lines are not read yet, or are lost"
    return "in the queue, according to the log; the live queue can't be read now"


def _end(mail: MessageRow, attempts: Sequence[AttemptRow]) -> str:
    ends = [attempt.status for attempt in attempts if attempt.status in ("sent", "bounced")]
    words = [f"{ends.count(status)} {status}" for status in dict.fromkeys(ends)]
    if (left := mail.recipient_count - mail.recipients_finished) > 0:
        words.append(f"{left} {'expired' if mail.expired else 'deleted'}")
    return ", ".join(words) or "no attempt was made"


def _attempts(attempts: Sequence[AttemptRow]) -> Iterator[Row]:
    """Yield all attempts; of many, the first and the last ones."""
    shown = attempts if len(attempts) <= _SHOWN else [attempts[0], *attempts[1 - _SHOWN :]]
    for attempt in shown:
        yield from _attempt(attempt)
        if attempt is attempts[0] and len(shown) < len(attempts):
            yield "...", f"{len(attempts) - len(shown)} more"


def _attempt(attempt: AttemptRow) -> Iterator[Row]:
    how = "skipped, because the destination had just failed" if attempt.suspended else f"by {attempt.relay}"
    forwarded = ", forwarded by an alias" if attempt.forwarded else ""
    to = f"{_moment(attempt.ended)} to {attempt.recipient}{forwarded}"
    yield f"attempt {attempt.number}", f"{to}: {attempt.status} {attempt.dsn}, {how}"
    yield "", attempt.reply


def _advice(
    mail: MessageRow, attempts: Sequence[AttemptRow], queued: QueuedMail | None, classifier: Classifier
) -> Iterator[Row]:
    """Yield cause, retry and next step of the last failure; nothing if the last attempt succeeded."""
    twice = [one.recipient for one in attempts if is_possible_duplicate(one.reply) and not one.suspended]
    if twice:
        yield "duplicate", f"possible at {', '.join(dict.fromkeys(twice))}: no reply came after the whole mail was sent"
    last = attempts[-1] if attempts else None
    if last is not None and last.status in _DELIVERED:
        return
    if last is not None and last.cause is not None:
        found = classifier.diagnose_stored(last.reply, last.dsn, Cause(last.cause))
    elif queued is not None and queued.reason is not None:
        found = classifier.diagnose(queued.reason, "")
    else:
        return
    retry = "can succeed without a change" if found.retry_can_succeed else "cannot succeed before the next step is done"
    is_over = mail.closed is not None
    yield "why it failed" if is_over else "why it waits", f"{found.cause.value}: {EXPLANATIONS[found.cause].meaning}"
    yield "retry", "none: the mail has left the queue" if is_over else retry
    yield "next step", found.next_step


def _tree(mail: MessageRow, attempts: Sequence[AttemptRow]) -> Iterator[SpanNode]:
    """Yield the spans of the mail's trace; of many attempts, the last ones."""
    last = mail.closed or mail.arrived
    yield SpanNode(0, SpanName.RECEIVE, mail.arrived, attempts[0].waiting_since if attempts else last)
    for attempt in attempts[-_SHOWN:]:
        yield from _attempt_tree(attempt, _began(mail, attempts, attempt))
    if mail.closed is not None:
        last = attempts[-1].ended if attempts else mail.arrived
        yield SpanNode(1, SpanName.FINISH, last, max(last, mail.closed), _end(mail, attempts))


def _began(mail: MessageRow, attempts: Sequence[AttemptRow], attempt: AttemptRow) -> float:
    before = [other.ended for other in attempts if other.number < attempt.number]
    return min(before[-1] if before else mail.arrived, attempt.waiting_since)


def _attempt_tree(attempt: AttemptRow, began: float) -> Iterator[SpanNode]:
    why = f": {attempt.cause}" if attempt.cause else ""
    yield SpanNode(1, SpanName.ATTEMPT, began, attempt.ended, f"{attempt.status}{why}, {shorten_reply(attempt.reply)}")
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
            yield SpanNode(2, name, start, end, attempt.cause or "" if name is last else "")
        if name is last:
            return


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def draw_tree(nodes: Sequence[SpanNode]) -> str:
    """Return the spans as a text tree; each node must come after its parent.

    postfix receive              +0 ms   100 ms
    └─ postfix deliver           +0 ms   320 ms  deferred: auth, 535-5.7.8 Username and Password not ...
       └─ postfix queue        +100 ms    20 ms
    """
    if not nodes:
        return ""
    begin = nodes[0].start
    rows = [
        (_stem(nodes, index) + node.name, f"+{_duration(node.start - begin)}", _duration(node.end - node.start))
        for index, node in enumerate(nodes)
    ]
    name, start, lasted = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        f"{row[0]:<{name}}  {row[1]:>{start}}  {row[2]:>{lasted}}  {node.note}".rstrip()
        for row, node in zip(rows, nodes, strict=True)
    )


def shorten_reply(reply: str) -> str:
    """Return the part of a reply that the relay sent, cut to fit in a line of the tree."""
    text = reply.partition(" said: ")[2] or reply
    return text if len(text) <= _REPLY_WIDTH else text[: _REPLY_WIDTH - 4].rstrip() + " ..."


def _stem(nodes: Sequence[SpanNode], index: int) -> str:
    """Return the lines that connect a node with its parent and siblings."""
    depth = nodes[index].depth
    below = [node.depth for node in nodes[index + 1 :]]

    def has_sibling(level: int) -> bool:
        return next((other == level for other in below if other <= level), False)

    trunks = "".join("│  " if has_sibling(level) else "   " for level in range(1, depth))
    return trunks + (("├─ " if has_sibling(depth) else "└─ ") if depth else "")


def _duration(seconds: float) -> str:
    milliseconds = max(0, round(seconds * 1000))
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if milliseconds >= size:
            return f"{milliseconds / size:.3g} {unit}"
    return f"{milliseconds} ms"
