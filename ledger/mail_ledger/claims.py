"""Idempotency: of all requests with one key and payload, over all replicas, exactly one sends.

The key is a unique column of the submission itself, so that claiming it and storing the pending mail are one insert:
between looking and writing there is no moment in which another process could do the same.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mail_ledger import evidence
from mail_ledger.engine import LedgerError
from mail_ledger.evidence import Absent, Taken
from mail_ledger.group import Write, write_alone
from mail_ledger.idempotency import Claimed, Conflict, IdempotencyKey, InFlight, New, Replay, Unknown
from mail_ledger.key_limit import key_limit_reached, lock_key
from mail_ledger.submission import Lease, NewSubmission, SubmissionState, submission_of
from mail_ledger.submissions import Submissions
from mail_ledger.tables import submission

_TRIES: Final = 5
"""How often a key may be given back between two of our statements, before that is an error."""

_ACTION: Final = "claim the idempotency key"


class Claims:
    """The idempotency keys in the ledger; the arguments are those of `Submissions`."""

    def __init__(
        self,
        engine: Engine,
        submissions: Submissions,
        *,
        lease: Lease = Lease(),  # noqa: B008 - immutable
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._submissions = submissions
        self._lease = lease
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
        """Store the mail as pending when the key is free, or tell what the key stands for.

        Args:
            new: the mail, which is sent only when `New` is returned.
            key: what the caller calls the request.
            payload_hash: tells payloads apart; at most 64 characters.
            key_limit: how many recipients the API key has in 24 hours.

        Raises:
            ValueError: the key is empty or too long.
            LedgerError: nothing was stored.
        """
        return write_alone(self._engine, self.claiming(new, key, payload_hash, key_limit))

    def claiming(
        self,
        new: NewSubmission,
        key: IdempotencyKey,
        payload_hash: str,
        key_limit: int | None = None,
    ) -> Write[Claimed]:
        """Return what `claim` stores, to be stored in its turn.

        Raises:
            ValueError: the key is empty or too long.
        """
        key_hash = key.hash()
        row = self._submissions.row(new, self._now())
        row |= {"idempotency_key": key_hash, "payload_hash": payload_hash}

        def store(connection: Connection) -> Claimed:
            lock_key(connection, new, key_limit)
            for _ in range(_TRIES):
                if connection.execute(self._insert.values(row)).first():
                    return self._counted(connection, new, key_limit)
                if found := self._look(connection, key_hash, payload_hash):
                    return found
            raise LedgerError(_ACTION, "it changes hands too fast")

        return Write(_ACTION, store, alone=True)

    def _counted(self, connection: Connection, new: NewSubmission, key_limit: int | None) -> Claimed:
        reached = key_limit_reached(connection, new, key_limit, self._now())
        if reached:
            connection.execute(delete(submission).where(submission.c.id == new.id))
        return reached or New()

    def _look(self, connection: Connection, key_hash: str, payload_hash: str) -> Claimed | None:
        """Return what the key stands for, or None when it is free now."""
        query = select(submission).where(submission.c.idempotency_key == key_hash).with_for_update()
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        if row["created"] + self._lease.idempotency <= self._now():
            is_old = submission.c.id == row["id"]
            connection.execute(update(submission).where(is_old).values(idempotency_key=None))
            return None
        return self._meaning(connection, row, payload_hash)

    def _meaning(self, connection: Connection, row: RowMapping, payload_hash: str) -> Claimed | None:
        found = submission_of(row, self._now(), self._lease)
        if found.state is SubmissionState.UNKNOWN:
            (verdict,) = evidence.verdicts(connection, [found], self._lease)
            evidence.record(connection, found, verdict)
            if verdict is Absent.FOR_GOOD:
                return None
            if isinstance(verdict, Taken):
                found = replace(found, state=SubmissionState.ACCEPTED, queue_id=verdict.queue_id, code=None)
        if row["payload_hash"] != payload_hash:
            return Conflict(found)
        match found.state:
            case SubmissionState.ACCEPTED:
                return Replay(found)
            case SubmissionState.PENDING:
                return InFlight(found)
            case _:
                return Unknown(found)
