"""Finds mails and says what became of them: one by its id, or a page of them, newest first."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, select, tuple_

from mail_ledger.backoff import Backoff
from mail_ledger.evidence import was_accepted
from mail_ledger.facts import AttemptRow, MessageRow
from mail_ledger.schema import attempt, message
from mail_ledger.state import State
from mail_ledger.status import MessageStatus, state_of, visible_facts
from mail_ledger.submission import Lease, Submission, submission_of
from mail_ledger.tables import submission
from mail_ledger.transactions import reading

CURSOR: Final = r"(?P<created>[0-9]{1,12}\.[0-9]{1,9})-(?P<identity>[0-9A-Za-z_]{1,64})"
"""How a cursor looks: the time and the id of the last mail of its page."""
_CHUNK: Final = 100
_MOST_LOOKED_AT: Final = 1000
"""Rows that one call looks at: a state that is rare ends a page early, and the cursor goes on behind them."""


class CursorInvalid(ValueError):
    """The text is no cursor of ours."""


class Wanted(NamedTuple):
    """Which mails are meant; None is any."""

    state: State | None = None
    since: float | None = None
    key: str | None = None
    """The name of the API key that sent them."""


class Page(NamedTuple):
    """Some mails, newest first; a page may be short, and the end is only where there is no cursor."""

    messages: tuple[MessageStatus, ...]
    cursor: str | None


class Messages:
    """The mails that the API sent, and what became of them; `backoff` are the mail server's times."""

    def __init__(
        self,
        engine: Engine,
        *,
        backoff: Backoff = Backoff(),  # noqa: B008 - immutable
        lease: Lease = Lease(),  # noqa: B008 - same
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._backoff = backoff
        self._lease = lease
        self._now = now

    def get(self, message_id: str, *, with_hidden: bool = True) -> MessageStatus | None:
        """Return what became of the mail with this id (msg_...), or None when nobody knows it.

        Args:
            message_id: the id.
            with_hidden: whether the status is about recipients of bcc, too.

        Raises:
            LedgerError: the ledger can't be read.
        """
        with reading(self._engine, "read the mail") as connection:
            row = connection.execute(select(submission).where(submission.c.id == message_id)).mappings().one_or_none()
            found = submission_of(row, self._now(), self._lease) if row else None
            statuses = self._statuses(connection, {message_id: found}, with_hidden=with_hidden)
        return statuses[0] if statuses else None

    def page(
        self,
        wanted: Wanted = Wanted(),  # noqa: B008 - immutable
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return the newest mails that are wanted, or those behind the cursor.

        Raises:
            CursorInvalid: the cursor is none of ours.
            LedgerError: the ledger can't be read.
        """
        position = _parse(cursor) if cursor else None
        chosen: list[MessageStatus] = []
        with reading(self._engine, "list the mails") as connection:
            for _ in range(_MOST_LOOKED_AT // _CHUNK):
                found = self._submissions(connection, wanted, position)
                for status in self._statuses(connection, {one.id: one for one in found}):
                    position = (status.created, status.id)
                    chosen += [status] if wanted.state in (None, status.state) else []
                    if len(chosen) == limit:
                        return Page(tuple(chosen), _cursor(position))
                if len(found) < _CHUNK:
                    return Page(tuple(chosen), None)
        return Page(tuple(chosen), _cursor(position) if position else None)

    def _submissions(
        self, connection: Connection, wanted: Wanted, position: tuple[float, str] | None
    ) -> Sequence[Submission]:
        query = select(submission).order_by(submission.c.created.desc(), submission.c.id.desc()).limit(_CHUNK)
        if wanted.since is not None:
            query = query.where(submission.c.created >= wanted.since)
        if wanted.key is not None:
            query = query.where(submission.c.key_name == wanted.key)
        if position is not None:
            query = query.where(tuple_(submission.c.created, submission.c.id) < position)
        now = self._now()
        return [submission_of(row, now, self._lease) for row in connection.execute(query).mappings()]

    def _statuses(
        self, connection: Connection, found: dict[str, Submission | None], *, with_hidden: bool = True
    ) -> list[MessageStatus]:
        if not found:
            return []
        query = select(message).where(message.c.api_id.in_(found), was_accepted()).order_by(message.c.arrived.desc())
        rows = map(MessageRow._make, connection.execute(query))
        # The first of several mails with one id is the API's own; an alias with a command may have sent it on.
        mails = {row.api_id: row for row in rows}
        tries = _attempts(connection, [mail.id for mail in mails.values()])
        known = ((one, mails.get(identity)) for identity, one in found.items())
        facts = ((one, mail, tries[mail.id] if mail else ()) for one, mail in known if one or mail)
        shown = facts if with_hidden else (visible_facts(*one) for one in facts)
        return [state_of(*one, self._backoff) for one in shown]


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
