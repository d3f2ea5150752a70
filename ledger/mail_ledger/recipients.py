"""What became of a mail for each of its recipients, out of its attempts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mail_ledger.facts import AttemptRow, MessageRow
from mail_ledger.state import State
from mail_telemetry.causes import Cause
from mail_telemetry.masking import mask_address

FINAL: Final = {"sent": State.RELAYED, "bounced": State.BOUNCED}
"""What status of an attempt is a recipient's last."""


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """One recipient; what its last attempt said is None before there was one."""

    recipient: str
    """As far as it was stored: masked, or whole."""
    state: State
    ended: float | None = None
    relay: str | None = None
    dsn: str | None = None
    cause: Cause | None = None
    reply: str | None = None


def recipient_statuses(
    submitted: Sequence[str], message: MessageRow, attempts: Sequence[AttemptRow]
) -> tuple[RecipientStatus, ...]:
    """Return one status per recipient of the mail.

    Masked addresses of several recipients can be the same (`a***@example.com`). So recipients are not told apart but
    counted: each activation of the mail tries every one that is not finished once.

    Args:
        submitted: the recipients as the API wrote them down, for those that have had no attempt.
        message: the mail.
        attempts: its attempts, in their order.
    """
    finished = [_status(attempt, FINAL[attempt.status]) for attempt in attempts if attempt.status in FINAL]
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
    return tuple(replace(one, recipient=_whole(one.recipient, submitted)) for one in found)


def _whole(recipient: str, submitted: Sequence[str]) -> str:
    """Return the address as the API stored it, where only one of its recipients looks like that when masked."""
    meant = {address for address in submitted if mask_address(address) == recipient}
    return meant.pop() if len(meant) == 1 else recipient


def _waiting(message: MessageRow, attempts: Sequence[AttemptRow]) -> Iterator[RecipientStatus]:
    for recipient in dict.fromkeys(attempt.recipient for attempt in attempts):
        its = [attempt for attempt in attempts if attempt.recipient == recipient]
        deferred = [attempt for attempt in its if attempt.status not in FINAL]
        together = max(Counter(attempt.number for attempt in its).values())
        for _ in range(together - (len(its) - len(deferred))):
            yield _status(deferred[-1], _unfinished(message, State.DEFERRED))


def _unfinished(message: MessageRow, while_open: State) -> State:
    if message.expired:
        return State.EXPIRED
    return while_open if message.closed is None else State.DELETED


def _status(attempt: AttemptRow, state: State) -> RecipientStatus:
    return RecipientStatus(
        recipient=attempt.recipient,
        state=state,
        ended=attempt.ended,
        relay=attempt.relay,
        dsn=attempt.dsn,
        cause=cause_of(attempt),
        reply=attempt.reply,
    )


def cause_of(attempt: AttemptRow) -> Cause | None:
    """Return why an attempt failed, or None when it did not; one that this version does not know is `other`."""
    if not attempt.cause:
        return None
    try:
        return Cause(attempt.cause)
    except ValueError:
        return Cause.OTHER
