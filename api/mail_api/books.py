"""Writes down each mail around its submission, so that a repetition is told apart and its end can be looked up.

    open ──▶ (SMTP) ──▶ close        a repetition: open ──▶ the first answer again

What can't be written down is sent all the same.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from math import ceil
from typing import Final

from mail_api.codes import Code
from mail_api.errors import (
    IdempotencyConflict,
    InvalidRequest,
    KeyLimitExceeded,
    OutcomeUnknown,
    RequestInFlight,
    Situation,
)
from mail_api.ledger_access import LedgerAccess, LedgerAway
from mail_api.schemas import SendRequest
from mail_ledger.api_key import ApiKey
from mail_ledger.idempotency import (
    LONGEST_KEY,
    Claimed,
    Conflict,
    IdempotencyKey,
    InFlight,
    New,
    Replay,
    Unknown,
)
from mail_ledger.submission import Failed, KeyLimitReached, NewSubmission, Outcome
from mail_ledger.submission import OutcomeUnknown as Unanswered

HEADER: Final = "Idempotency-Key"
_MOST_UNCLOSED: Final = 1_000
_NOBODY: Final = "-"
"""The scope of callers without a key: no key can have this name."""


@dataclass(frozen=True, slots=True)
class Repeatable:
    """What makes a repetition of a request known: its idempotency key, and what it asks for."""

    key: IdempotencyKey
    payload_hash: str


def repeatable(header: str | None, caller: ApiKey | None, request: SendRequest) -> Repeatable | None:
    """Return what the caller's Idempotency-Key stands for, or None without one.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if header is None:
        return None
    if not 0 < len(header) <= LONGEST_KEY:
        raise InvalidRequest(((HEADER, f"has 1 to {LONGEST_KEY} characters"),))
    scope = f"key:{caller.name}" if caller else _NOBODY
    return Repeatable(IdempotencyKey(scope, header), _fingerprint(request))


def _fingerprint(request: SendRequest) -> str:
    """Return a hash of all that the mail is made of, whatever form it came in."""
    digest = hashlib.sha256(request.model_dump_json(exclude={"attachments"}).encode("utf-8", "surrogatepass"))
    for attachment in request.attachments:
        for part in (attachment.name.encode(), attachment.media_type.encode(), attachment.content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class Books:
    """Opens an entry for each mail, and closes it."""

    def __init__(self, ledger: LedgerAccess) -> None:
        self._ledger = ledger
        self._open: set[str] = set()
        self._unclosed: dict[str, Outcome] = {}
        """How mails ended whose entries could not be closed: until then a repetition would be told to wait."""

    async def open(self, new: NewSubmission, caller: ApiKey | None, once: Repeatable | None) -> str | None:
        """Write the mail down before it is sent; return the id of the mail that it repeats, which then is not sent.

        Raises:
            KeyLimitExceeded: the caller's key has no room for it today.
            IdempotencyConflict, RequestInFlight: the idempotency key stands for something else, or is at work.
            OutcomeUnknown: nobody knows what became of the first request.
        """
        limit = caller.limits.recipients_per_day if caller else None
        try:
            if once is None:
                reached = await self._ledger.write("begin", lambda ledger: ledger.submissions.beginning(new, limit))
                claimed: Claimed = reached or New()
            else:
                claimed = await self._ledger.write(
                    "claim", lambda ledger: ledger.claims.claiming(new, once.key, once.payload_hash, limit)
                )
        except LedgerAway as away:
            if away.is_late:
                self._open.add(new.id)  # it may stand there yet, and then wants its end
            return None
        repeated = _repeated(claimed)
        if repeated is None:
            self._open.add(new.id)
        return repeated

    async def close(self, message_id: str, outcome: Outcome) -> None:
        """Write down how it ended, if it was written down at all. Even when the request is cancelled meanwhile."""
        if message_id in self._open:
            self._open.discard(message_id)
            await asyncio.shield(asyncio.ensure_future(self._close(message_id, outcome)))

    async def close_the_rest(self) -> None:
        """Close the entries that could not be closed; to be called now and then."""
        for message_id, outcome in list(self._unclosed.items()):
            del self._unclosed[message_id]
            if not await self._close(message_id, outcome):
                return

    async def _close(self, message_id: str, outcome: Outcome) -> bool:
        try:
            await self._ledger.write("finish", lambda ledger: ledger.submissions.finishing(message_id, outcome))
        except LedgerAway:
            if len(self._unclosed) < _MOST_UNCLOSED:  # the others are settled by what the log tells
                self._unclosed[message_id] = outcome
            return False
        return True


def _repeated(claimed: Claimed) -> str | None:
    match claimed:
        case Replay(submission):
            return submission.id
        case KeyLimitReached(limit, used, retry_at):
            wait = None if retry_at is None else max(1, ceil(retry_at - time.time()))
            raise KeyLimitExceeded(limit, used, wait)
        case Conflict():
            raise IdempotencyConflict
        case InFlight():
            raise RequestInFlight
        case Unknown(submission):
            raise OutcomeUnknown(submission.id)
        case New():
            return None


def outcome_of(problem: BaseException, code: Code) -> Outcome:
    """Return how a submission ended that raised this; after a defect or an interruption nobody knows."""
    is_certain = isinstance(problem, Situation) and not isinstance(problem, OutcomeUnknown)
    return Failed(code) if is_certain else Unanswered(code)
