"""Idempotency keys: of all requests with one key and payload, over all replicas, exactly one sends its mail.

The key is a unique column of `submission`: one insert claims the key and stores the pending mail, so that no other
process can claim it in between.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mail_ledger.engine import LedgerError, reading
from mail_ledger.group_commit import Write, write_alone
from mail_ledger.key_limits import KeyLimitReached, lock_key
from mail_ledger.submissions import (
    NewSubmission,
    Submission,
    SubmissionStore,
    TimeLimits,
    exceeded_limit,
    submission_of,
)
from mail_ledger.tables import SubmissionState, submission
from mail_ledger.unknown_outcomes import Logged, NotLogged, log_evidence, store_evidence

LONGEST_KEY: Final = 256
_TRIES: Final = 5
"""How many times another process may release or replace the key between two statements."""
_ACTION: Final = "claim the idempotency key"


class IdempotencyKey(NamedTuple):
    """The caller's key for a request; `scope` separates the keys of different callers."""

    scope: str
    key: str

    def hash(self) -> str:
        """Return the stored form of the key.

        Raises:
            ValueError: the key is empty or longer than 256 characters.
        """
        if not 0 < len(self.key) <= LONGEST_KEY:
            raise ValueError(f"Idempotency-Key has 1 to {LONGEST_KEY} characters")
        parts = f"{len(self.scope)}:{self.scope}{self.key}"
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


class New(NamedTuple):
    """This request is the first with the key: send the mail, then call `SubmissionStore.finish`."""


class Replay(NamedTuple):
    """The mail of the first request was accepted: return the same answer."""

    submission: Submission


class Conflict(NamedTuple):
    """The key was used with another payload."""

    submission: Submission


class InFlight(NamedTuple):
    """Another request with this key and payload is in progress."""

    submission: Submission


class Unknown(NamedTuple):
    """The outcome of the first request is unknown, and the log does not show it yet."""

    submission: Submission


Claimed = New | Replay | Conflict | InFlight | Unknown | KeyLimitReached


class IdempotencyKeys:
    """The idempotency keys in the ledger; `limits` and `now` are those of `SubmissionStore`."""

    def __init__(
        self,
        engine: Engine,
        submissions: SubmissionStore,
        *,
        limits: TimeLimits = TimeLimits(),  # noqa: B008 - immutable
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._submissions = submissions
        self._limits = limits
        self._now = now
        dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(submission).on_conflict_do_nothing(index_elements=["idempotency_key"])
        self._insert = insert.returning(submission.c.id)

    def claim(
        self,
        new: NewSubmission,
        key: IdempotencyKey,
        payload_hash: str,
        key_limit: int | None = None,
    ) -> Claimed:
        """Store the mail as pending if the key is free; otherwise return what the key was used for.

        Args:
            new: the mail; it may be sent only when `New` is returned.
            key: the idempotency key of the request.
            payload_hash: a hash of the request's payload, of at most 64 characters.
            key_limit: recipients of the API key in 24 hours.

        Raises:
            ValueError: the key is empty or too long.
            LedgerError: nothing was stored.
        """
        return write_alone(self._engine, self.claim_write(new, key, payload_hash, key_limit))

    def claim_write(
        self,
        new: NewSubmission,
        key: IdempotencyKey,
        payload_hash: str,
        key_limit: int | None = None,
    ) -> Write[Claimed]:
        """Return the write of `claim`, to be stored with others.

        Raises:
            ValueError: the key is empty or too long.
        """
        key_hash = key.hash()
        row = self._submissions.row(new, self._now())
        row |= {"idempotency_key": key_hash, "payload_hash": payload_hash}

        def store(connection: Connection) -> Claimed:
            lock_key(connection, new.key, key_limit)
            for _ in range(_TRIES):
                if connection.execute(self._insert.values(row)).first():
                    return self._within_limit(connection, new, key_limit)
                if found := self._earlier_use(connection, key_hash, payload_hash):
                    return found
            raise LedgerError(_ACTION, f"idempotency key contended; gave up after {_TRIES} tries")

        return Write(_ACTION, store, alone=True)

    def is_repetition(self, key: IdempotencyKey, payload_hash: str) -> bool:
        """Return whether a request with this key and payload was claimed before, and its key is still in use.

        Raises:
            ValueError: the key is empty or too long.
            LedgerError: the ledger cannot be read.
        """
        query = select(submission.c.id).where(
            submission.c.idempotency_key == key.hash(),
            submission.c.payload_hash == payload_hash,
            submission.c.created + self._limits.idempotency > self._now(),
        )
        with reading(self._engine, "read the idempotency key") as connection:
            return connection.execute(query).first() is not None

    def _within_limit(self, connection: Connection, new: NewSubmission, key_limit: int | None) -> Claimed:
        reached = exceeded_limit(connection, new, key_limit, self._now())
        if reached:
            connection.execute(delete(submission).where(submission.c.id == new.id))
        return reached or New()

    def _earlier_use(self, connection: Connection, key_hash: str, payload_hash: str) -> Claimed | None:
        """Return what the key was used for, or None when it is free now."""
        query = select(submission).where(submission.c.idempotency_key == key_hash).with_for_update()
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        if row["created"] + self._limits.idempotency <= self._now():
            is_old = submission.c.id == row["id"]
            connection.execute(update(submission).where(is_old).values(idempotency_key=None))
            return None
        return self._claimed(connection, row, payload_hash)

    def _claimed(self, connection: Connection, row: RowMapping, payload_hash: str) -> Claimed | None:
        found = submission_of(row, self._now(), self._limits)
        if found.state is SubmissionState.UNKNOWN:
            (evidence,) = log_evidence(connection, [found], self._limits)
            store_evidence(connection, found, evidence)
            if evidence is NotLogged.FINAL:
                return None
            if isinstance(evidence, Logged):
                found = replace(found, state=SubmissionState.ACCEPTED, queue_id=evidence.queue_id, code=None)
        if row["payload_hash"] != payload_hash:
            return Conflict(found)
        match found.state:
            case SubmissionState.ACCEPTED:
                return Replay(found)
            case SubmissionState.PENDING:
                return InFlight(found)
            case _:
                return Unknown(found)
