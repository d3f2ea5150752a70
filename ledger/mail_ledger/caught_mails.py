"""Caught mails: keep what the honeypot caught for some days, so that a person can read and release it.

    caught ──▶ requested ──▶ released
      ▲            │
      └────────────┘ the mail cannot be sent; `code` is the reason

The API answers the caller as after a success and keeps the text fields here. `mail-ledger caught release` and
POST /messages/{id}/release request the release; the API sends the mail, as a mail with an id of its own.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update

from mail_ledger.engine import reading, writing
from mail_ledger.group_commit import Write
from mail_ledger.submissions import Submission, TimeLimits, submission_of
from mail_ledger.tables import CaughtState, SubmissionState, caught_mail, submission

MOST: Final = 500
"""Mails that are kept; above, the oldest ones are deleted."""
_MOST_DUE: Final = 20


@dataclass(frozen=True, slots=True)
class NewCaughtMail:
    """A mail that the honeypot has just caught."""

    id: str
    """The id in the answer to the caller."""
    field: str
    """The honeypot field that was filled."""
    mail: Mapping[str, Any]
    """The fields of the request, as JSON."""
    files: tuple[str, ...] = ()
    """The names of its files, which are not kept."""


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """A mail that the honeypot caught, as stored in the ledger; times are Unix seconds."""

    id: str
    caught: float
    field: str
    mail: Mapping[str, Any]
    files: tuple[str, ...]
    state: CaughtState
    code: str | None
    """Why the last attempt to release it failed: an error code of the API."""
    next_attempt: float | None
    released_as: str | None
    """The id of the mail that was sent."""


class CaughtMails:
    """The caught mails in the ledger.

    Args:
        engine: the ledger's.
        limits: the time limits of submissions.
        now: returns the Unix time.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        limits: TimeLimits = TimeLimits(),  # noqa: B008 - immutable
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._now = now

    def keep_write(self, new: NewCaughtMail) -> Write[None]:
        """Return the write that stores a mail, and deletes the oldest ones above 500."""
        row = {
            "id": new.id,
            "caught": self._now(),
            "field": new.field,
            "mail": dict(new.mail),
            "files": list(new.files),
            "state": CaughtState.CAUGHT,
        }
        newest_first = (caught_mail.c.caught.desc(), caught_mail.c.id.desc())
        # Locked rows are being deleted or released by another process.
        surplus = (
            select(caught_mail.c.id)
            .where(caught_mail.c.state != CaughtState.REQUESTED)
            .order_by(*newest_first)
            .offset(MOST)
            .with_for_update(skip_locked=True)
        )

        def store(connection: Connection) -> None:
            connection.execute(insert(caught_mail).values(row))
            if old := connection.execute(surplus).scalars().all():
                connection.execute(delete(caught_mail).where(caught_mail.c.id.in_(old)))

        return Write("keep the caught mail", store)

    def get(self, message_id: str) -> CaughtMail | None:
        """Return the mail with this id, or None.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        query = select(caught_mail).where(caught_mail.c.id == message_id)
        with reading(self._engine, "read the caught mail") as connection:
            row = connection.execute(query).mappings().one_or_none()
        return _caught_mail(row) if row else None

    def newest(self, since: float = 0.0, limit: int = MOST) -> list[CaughtMail]:
        """Return the mails that were caught since then, newest first.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        query = select(caught_mail).where(caught_mail.c.caught >= since)
        newest_first = query.order_by(caught_mail.c.caught.desc(), caught_mail.c.id.desc()).limit(limit)
        with reading(self._engine, "list the caught mails") as connection:
            return [_caught_mail(row) for row in connection.execute(newest_first).mappings()]

    def request(self, message_id: str, delay: float = 0.0) -> CaughtMail | None:
        """Request the release of a mail, unless it is released; return the mail, or None for an unknown id.

        Args:
            message_id: its id.
            delay: seconds until the API's maintenance releases it; a caller that releases it itself sets a longer one.

        Raises:
            LedgerError: nothing was stored.
        """
        is_open = (caught_mail.c.id == message_id) & (caught_mail.c.state != CaughtState.RELEASED)
        values = {"state": CaughtState.REQUESTED, "next_attempt": self._now() + delay, "code": None}
        with writing(self._engine, "request the release") as connection:
            connection.execute(update(caught_mail).where(is_open).values(values))
            query = select(caught_mail).where(caught_mail.c.id == message_id)
            row = connection.execute(query).mappings().one_or_none()
        return _caught_mail(row) if row else None

    def due(self) -> list[CaughtMail]:
        """Return mails whose release is requested and due, oldest first.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        is_due = (caught_mail.c.state == CaughtState.REQUESTED) & (caught_mail.c.next_attempt <= self._now())
        query = select(caught_mail).where(is_due).order_by(caught_mail.c.caught).limit(_MOST_DUE)
        with reading(self._engine, "find mails to release") as connection:
            return [_caught_mail(row) for row in connection.execute(query).mappings()]

    def earlier_release(self, payload_hash: str) -> Submission | None:
        """Return the submission of an earlier release with this hash that has not failed, or None.

        It is found also after its idempotency key has expired.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        query = (
            select(submission)
            .where(submission.c.payload_hash == payload_hash, submission.c.state != SubmissionState.FAILED)
            .order_by(submission.c.created.desc())
            .limit(1)
        )
        with reading(self._engine, "find an earlier release") as connection:
            row = connection.execute(query).mappings().one_or_none()
        return submission_of(row, self._now(), self._limits) if row else None

    def released_write(self, message_id: str, released_as: str) -> Write[None]:
        """Return the write that stores that the mail was sent, as the mail `released_as`."""
        values = {"state": CaughtState.RELEASED, "released_as": released_as, "code": None, "next_attempt": None}
        return self._update(message_id, values)

    def failed_write(self, message_id: str, code: str, retry_at: float | None) -> Write[None]:
        """Return the write that stores why the mail was not sent; `retry_at` None: until it is requested again."""
        state = CaughtState.CAUGHT if retry_at is None else CaughtState.REQUESTED
        return self._update(message_id, {"state": state, "code": code, "next_attempt": retry_at})

    def prune(self, older_than_seconds: float) -> int:
        """Delete the mails that were caught earlier than so many seconds ago; return their number.

        Mails whose release is requested are kept.

        Raises:
            LedgerError: nothing was deleted.
        """
        is_old = (caught_mail.c.caught < self._now() - older_than_seconds) & (
            caught_mail.c.state != CaughtState.REQUESTED
        )
        with reading(self._engine, "find old caught mails") as connection:
            old: Sequence[str] = connection.execute(select(caught_mail.c.id).where(is_old)).scalars().all()
        if not old:  # the usual case, which does not wait for other writers
            return 0
        with writing(self._engine, "delete old caught mails") as connection:
            return connection.execute(delete(caught_mail).where(caught_mail.c.id.in_(old), is_old)).rowcount

    def _update(self, message_id: str, values: Mapping[str, Any]) -> Write[None]:
        is_open = (caught_mail.c.id == message_id) & (caught_mail.c.state != CaughtState.RELEASED)

        def store(connection: Connection) -> None:
            connection.execute(update(caught_mail).where(is_open).values(**values))

        return Write("store the release", store)


def _caught_mail(row: RowMapping) -> CaughtMail:
    return CaughtMail(
        id=row["id"],
        caught=row["caught"],
        field=row["field"],
        mail=row["mail"],
        files=tuple(row["files"]),
        state=CaughtState(row["state"]),
        code=row["code"],
        next_attempt=row["next_attempt"],
        released_as=row["released_as"],
    )
