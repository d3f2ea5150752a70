"""Status queries: the status of one mail by its id, or pages of mails, newest first."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, select, tuple_

from mail_ledger.engine import reading
from mail_ledger.status import Backoff, MessageStatus, State, message_status, without_hidden_recipients
from mail_ledger.submissions import Submission, TimeLimits, submission_of
from mail_ledger.tables import AttemptRow, MessageRow, attempt, message, submission, was_accepted
from mail_telemetry.cause_rules import Classifier

CURSOR: Final = r"(?P<created>[0-9]{1,12}\.[0-9]{1,9})-(?P<identity>[0-9A-Za-z_]{1,64})"
"""The form of a cursor: the time and the id of the last mail of its page."""
_CHUNK: Final = 100
_MOST_ROWS: Final = 1000
"""Rows that one call reads: with a rare state, the page is short and its cursor continues after these rows."""


class CursorInvalid(ValueError):
    """The text is not a cursor of a page."""


class MailFilter(NamedTuple):
    """Selects mails; None does not filter."""

    state: State | None = None
    since: float | None = None
    key: str | None = None
    """The name of the API key that sent them."""


class Page(NamedTuple):
    """Some mails, newest first. A page can be short; only the last one has no cursor."""

    messages: tuple[MessageStatus, ...]
    cursor: str | None


class StatusQueries:
    """The statuses of the API's mails.

    Args:
        engine: the ledger's database.
        backoff: Postfix's retry times.
        classifier: finds the next step of a failed attempt; None has the built-in rules.
        limits: time limits of submissions.
        now: returns the Unix time.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        backoff: Backoff = Backoff(),  # noqa: B008 - immutable
        classifier: Classifier | None = None,
        limits: TimeLimits = TimeLimits(),  # noqa: B008 - same
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._backoff = backoff
        self._classifier = classifier
        self._limits = limits
        self._now = now

    def get(self, message_id: str, *, with_hidden: bool = True) -> MessageStatus | None:
        """Return the status of the mail with this id (msg_...), or None for an unknown id.

        Args:
            message_id: the id.
            with_hidden: whether the status includes bcc recipients.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with reading(self._engine, "read the mail") as connection:
            row = connection.execute(select(submission).where(submission.c.id == message_id)).mappings().one_or_none()
            found = submission_of(row, self._now(), self._limits) if row else None
            statuses = self._statuses(connection, {message_id: found}, with_hidden=with_hidden)
        return statuses[0] if statuses else None

    def page(
        self,
        selected: MailFilter = MailFilter(),  # noqa: B008 - immutable
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return the newest mails that match the filter, or those after the cursor.

        Raises:
            CursorInvalid: the cursor is malformed.
            LedgerError: the ledger cannot be read.
        """
        position = _parse(cursor) if cursor else None
        chosen: list[MessageStatus] = []
        with reading(self._engine, "list the mails") as connection:
            for _ in range(_MOST_ROWS // _CHUNK):
                found = self._submissions(connection, selected, position)
                for status in self._statuses(connection, {one.id: one for one in found}):
                    position = (status.created, status.id)
                    chosen += [status] if selected.state in (None, status.state) else []
                    if len(chosen) == limit:
                        return Page(tuple(chosen), _cursor(position))
                if len(found) < _CHUNK:
                    return Page(tuple(chosen), None)
        return Page(tuple(chosen), _cursor(position) if position else None)

    def _submissions(
        self, connection: Connection, selected: MailFilter, position: tuple[float, str] | None
    ) -> Sequence[Submission]:
        query = select(submission).order_by(submission.c.created.desc(), submission.c.id.desc()).limit(_CHUNK)
        if selected.since is not None:
            query = query.where(submission.c.created >= selected.since)
        if selected.key is not None:
            query = query.where(submission.c.key_name == selected.key)
        if position is not None:
            query = query.where(tuple_(submission.c.created, submission.c.id) < position)
        now = self._now()
        return [submission_of(row, now, self._limits) for row in connection.execute(query).mappings()]

    def _statuses(
        self, connection: Connection, found: dict[str, Submission | None], *, with_hidden: bool = True
    ) -> list[MessageStatus]:
        if not found:
            return []
        query = select(message).where(message.c.api_id.in_(found), was_accepted()).order_by(message.c.arrived.desc())
        rows = map(MessageRow._make, connection.execute(query))
        # Of several mails with one id, the first is the API's own; an alias with a command may have sent the others.
        mails = {row.api_id: row for row in rows}
        attempts = _attempts(connection, [mail.id for mail in mails.values()])
        known = ((one, mails.get(identity)) for identity, one in found.items())
        records = ((one, mail, attempts[mail.id] if mail else ()) for one, mail in known if one or mail)
        shown = records if with_hidden else (without_hidden_recipients(*one) for one in records)
        return [message_status(*one, self._backoff, self._classifier) for one in shown]


def _attempts(connection: Connection, messages: Sequence[str]) -> Mapping[str, list[AttemptRow]]:
    found: dict[str, list[AttemptRow]] = defaultdict(list)
    query = select(attempt).where(attempt.c.message.in_(messages)).order_by(attempt.c.ordinal)
    for row in map(AttemptRow._make, connection.execute(query) if messages else ()):
        found[row.message].append(row)
    return found


def _cursor(position: tuple[float, str]) -> str:
    created, identity = position
    return f"{created!r}-{identity}"


def _parse(cursor: str) -> tuple[float, str]:
    found = re.fullmatch(CURSOR, cursor)
    if not found:
        raise CursorInvalid("cursor: not one of a page before")
    return float(found["created"]), found["identity"]
