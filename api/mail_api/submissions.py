"""Records each mail in the ledger before and after its submission, and recognises repeated requests.

    begin ──▶ (SMTP) ──▶ finish        a repeated request: begin ──▶ the id of the first mail

A mail is sent also when the ledger is unavailable; then it has no record.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from math import ceil
from typing import Final

from loguru import logger

from mail_api.error_codes import Code
from mail_api.errors import (
    ApiError,
    IdempotencyConflict,
    InvalidRequest,
    KeyLimitExceeded,
    LedgerUnavailable,
    OutcomeUnknown,
    RequestInFlight,
)
from mail_api.ledger_client import LedgerClient, LedgerUnreachable
from mail_api.schemas import SendRequest
from mail_ledger.api_keys import ApiKey
from mail_ledger.idempotency import LONGEST_KEY, Claimed, Conflict, IdempotencyKey, InFlight, New, Replay, Unknown
from mail_ledger.key_limits import KeyLimitReached
from mail_ledger.submissions import NewSubmission, SubmissionFailed, SubmissionOutcome, SubmissionUnknown
from mail_telemetry.names import Attribute

IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
_MOST_UNFINISHED: Final = 1_000
_ANONYMOUS: Final = "-"
"""The scope of idempotency keys of callers without an API key; no API key can have this name."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A request's idempotency key, and a hash of its content."""

    key: IdempotencyKey
    payload_hash: str
    is_required: bool = False
    """Send the mail only if the key is stored; otherwise it is sent also while the ledger is unavailable."""

    @property
    def identity(self) -> str:
        """The same text for the same request when it is repeated, and for no other."""
        return f"{self.key.hash()}:{self.payload_hash}"

    @classmethod
    def of(cls, header: str | None, caller: ApiKey | None, request: SendRequest) -> "Idempotency | None":
        """Return what the caller's Idempotency-Key header stands for, or None without the header.

        Raises:
            InvalidRequest: the header is empty or too long.
        """
        if header is None:
            return None
        if not 0 < len(header) <= LONGEST_KEY:
            raise InvalidRequest(((IDEMPOTENCY_HEADER, f"has 1 to {LONGEST_KEY} characters"),))
        scope = f"key:{caller.name}" if caller else _ANONYMOUS
        return cls(IdempotencyKey(scope, header), _content_hash(request))


def _content_hash(request: SendRequest) -> str:
    """Return a hash of all that the mail is made of, whatever media type it was sent as."""
    # What a request does not have is left out, as by older versions: a repetition after an upgrade has the same hash.
    left_out = {"attachments"} if request.fields else {"attachments", "fields"}
    digest = hashlib.sha256(request.model_dump_json(exclude=left_out).encode("utf-8", "surrogatepass"))
    for attachment in request.attachments:
        described = (attachment.name, attachment.content_type, attachment.content_id)
        for part in (*(text.encode() for text in described if text is not None), attachment.content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class Submissions:
    """The records of mails that this process submits."""

    def __init__(self, ledger: LedgerClient) -> None:
        self._ledger = ledger
        self._recorded: set[str] = set()
        self._unfinished: dict[str, SubmissionOutcome] = {}
        """Outcomes that could not be stored: until they are, a repeated request gets `request_in_flight`."""

    async def begin(self, new: NewSubmission, caller: ApiKey | None, idempotency: Idempotency | None) -> str | None:
        """Record the mail before it is sent; return the id of the earlier mail when the request is a repetition.

        Raises:
            KeyLimitExceeded: the caller's key has reached its recipients per day.
            IdempotencyConflict, RequestInFlight: the idempotency key is used for another mail, or is in progress.
            OutcomeUnknown: the outcome of the first request is unknown.
            LedgerUnavailable: the idempotency key could not be stored, and is required.
        """
        limit = caller.limits.recipients_per_day if caller else None
        try:
            if idempotency is None:
                reached = await self._ledger.write("begin", lambda ledger: ledger.submissions.begin_write(new, limit))
                claimed: Claimed = reached or New()
            else:
                key, payload_hash = idempotency.key, idempotency.payload_hash
                claimed = await self._ledger.write(
                    "claim", lambda ledger: ledger.idempotency.claim_write(new, key, payload_hash, limit)
                )
        except LedgerUnreachable as unreachable:
            if idempotency is not None and idempotency.is_required:
                raise LedgerUnavailable from None
            if unreachable.is_late:
                self._recorded.add(new.id)  # it may still be stored, and then needs its outcome
            return None
        repeated = _repeated(claimed)
        if repeated is None:
            self._recorded.add(new.id)
        return repeated

    async def is_repetition(self, idempotency: Idempotency | None) -> bool:
        """Return whether a request with this key and content was accepted for sending before."""
        if idempotency is None:
            return False
        key, payload_hash = idempotency.key, idempotency.payload_hash
        try:
            return await self._ledger.call("claim", lambda ledger: ledger.idempotency.is_repetition(key, payload_hash))
        except LedgerUnreachable:
            return False

    async def finish(self, message_id: str, outcome: SubmissionOutcome) -> None:
        """Store the outcome of a recorded mail, also when the request is cancelled meanwhile."""
        if message_id in self._recorded:
            self._recorded.discard(message_id)
            await asyncio.shield(asyncio.ensure_future(self._finish(message_id, outcome)))

    async def retry_unfinished(self) -> None:
        """Store the outcomes that could not be stored before."""
        for message_id, outcome in list(self._unfinished.items()):
            if not await self._finish(message_id, outcome):
                return
            self._unfinished.pop(message_id, None)

    async def _finish(self, message_id: str, outcome: SubmissionOutcome) -> bool:
        try:
            await self._ledger.write("finish", lambda ledger: ledger.submissions.finish_write(message_id, outcome))
        except Exception as error:  # noqa: BLE001 - the mail was sent or not, whatever the ledger does
            if not isinstance(error, LedgerUnreachable):
                logger.bind(**{Attribute.ERROR_TYPE: type(error).__name__}).error(
                    "the outcome of a mail was not stored"
                )
            if len(self._unfinished) < _MOST_UNFINISHED:  # the others are resolved from the mail log
                self._unfinished[message_id] = outcome
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


def outcome_of(error: BaseException, code: Code) -> SubmissionOutcome:
    """Return the outcome of a submission that raised this error; after an unexpected one it is unknown.

    An unexpected error may have come after the mail server accepted the message. The mail log then has the outcome.
    """
    is_certain = isinstance(error, ApiError) and not isinstance(error, OutcomeUnknown)
    return SubmissionFailed(code) if is_certain else SubmissionUnknown(code)
