"""Writes down each mail before it is handed to the mail server, and how that ended."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, insert, or_, select, update

from mail_ledger import evidence
from mail_ledger.evidence import Absent, Taken
from mail_ledger.group import Write, write_alone
from mail_ledger.key_limit import key_limit_reached, lock_key
from mail_ledger.submission import (
    Accepted,
    Failed,
    KeyLimitReached,
    Lease,
    NewSubmission,
    Outcome,
    Submission,
    SubmissionState,
    submission_of,
)
from mail_ledger.tables import is_open, submission
from mail_ledger.transactions import reading, writing
from mail_telemetry.masking import mask_address

_PENDING = SubmissionState.PENDING
_UNKNOWN = SubmissionState.UNKNOWN


class Settled(NamedTuple):
    """How many submissions of unknown outcome the log could tell about."""

    accepted: int
    failed: int
    still_unknown: int


class Submissions:
    """The submissions in the ledger.

    Args:
        engine: the ledger's.
        mask: makes of an address what may be stored (LEDGER_ADDRESSES).
        lease: for how long what has no end is believed.
        now: tells the Unix time.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        mask: Callable[[str], str] = mask_address,
        lease: Lease = Lease(),  # noqa: B008 - immutable
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._mask = mask
        self._lease = lease
        self._now = now
        self._insert = insert(submission)
        self._update = update(submission).where(submission.c.id == bindparam("of"), is_open)

    def begin(self, new: NewSubmission, key_limit: int | None = None) -> KeyLimitReached | None:
        """Store the mail as pending, before anything of it is sent; or say that the key's day is full.

        Args:
            new: the mail.
            key_limit: how many recipients its key has in 24 hours; exact over all replicas.

        Raises:
            LedgerError: nothing was stored.
        """
        return write_alone(self._engine, self.beginning(new, key_limit))

    def beginning(self, new: NewSubmission, key_limit: int | None = None) -> Write[KeyLimitReached | None]:
        """Return what `begin` stores, to be stored with others."""
        now = self._now()

        def store(connection: Connection) -> KeyLimitReached | None:
            lock_key(connection, new, key_limit)
            if reached := key_limit_reached(connection, new, key_limit, now):
                return reached
            connection.execute(self._insert, self.row(new, now))
            return None

        return Write("store the submission", store, alone=key_limit is not None)

    def finish(self, submission_id: str, outcome: Outcome) -> None:
        """Store how it ended. A certain failure gives the idempotency key back, an unknown outcome keeps it.

        Raises:
            LedgerError: nothing was stored; the lease's end makes the outcome unknown.
        """
        write_alone(self._engine, self.finishing(submission_id, outcome))

    def finishing(self, submission_id: str, outcome: Outcome) -> Write[None]:
        """Return what `finish` stores, to be stored with others."""
        changed: dict[str, Any] = {"finished": self._now()}
        match outcome:
            case Accepted(queue_id):
                changed |= {"state": SubmissionState.ACCEPTED, "queue_id": queue_id, "code": None}
            case Failed(code):
                changed |= {"state": SubmissionState.FAILED, "code": code, "idempotency_key": None}
            case _:
                changed |= {"state": _UNKNOWN, "code": outcome.code}

        def store(connection: Connection) -> None:
            connection.execute(self._update, {"of": submission_id, **changed})

        return Write("store the outcome", store)

    def get(self, submission_id: str) -> Submission | None:
        """Return the submission of this id.

        Raises:
            LedgerError: the ledger can't be read.
        """
        query = select(submission).where(submission.c.id == submission_id)
        with reading(self._engine, "read the submission") as connection:
            row = connection.execute(query).mappings().one_or_none()
        return submission_of(row, self._now(), self._lease) if row else None

    def settle(self, most: int = 100) -> Settled:
        """Store what the log tells about the oldest submissions whose outcome is unknown. To be called now and then.

        Raises:
            LedgerError: the ledger can't be read or written; nothing is half done.
        """
        with reading(self._engine, "read what is unknown") as connection:
            found = self._unknown(connection, most)
            verdicts = evidence.verdicts(connection, found, self._lease) if found else []
        final = [(known, verdict) for known, verdict in zip(found, verdicts, strict=True) if verdict != Absent.SO_FAR]
        if final:
            with writing(self._engine, "settle what was unknown") as connection:
                for known, verdict in final:
                    evidence.record(connection, known, verdict)
        accepted = sum(isinstance(verdict, Taken) for _, verdict in final)
        return Settled(accepted, len(final) - accepted, len(found) - len(final))

    def row(self, new: NewSubmission, now: float) -> dict[str, Any]:
        """Return the row of a mail that is pending since `now`."""
        return {
            "id": new.id,
            "message_id": new.message_id,
            "state": _PENDING,
            "created": now,
            "key_name": new.key,
            "recipients": [self._mask(recipient) for recipient in new.recipients],
            "hidden": [self._mask(recipient) for recipient in new.hidden],
            "recipient_count": len(new.recipients),
            "tags": dict(new.tags),
            "trace_id": new.trace_id,
        }

    def _unknown(self, connection: Connection, most: int) -> list[Submission]:
        now = self._now()
        is_unknown = or_(submission.c.state == _UNKNOWN, submission.c.created <= now - self._lease.pending)
        query = select(submission).where(is_open, is_unknown)
        rows = connection.execute(query.order_by(submission.c.created).limit(most)).mappings()
        return [submission_of(row, now, self._lease) for row in rows]
