"""What the ledger keeps of a log and its mails: rows of its tables, their fields in the order of the columns."""

from typing import Any, NamedTuple

Values = tuple[Any, ...]
"""A row's values in the order of the columns; a named tuple takes several times as long to make and to store."""


class LogPosition(NamedTuple):
    """How far a log was read: the file, known by a hash of its first bytes, and an offset in bytes."""

    head_length: int
    head_hash: str
    offset: int


class MessageRow(NamedTuple):
    """A row of `message`; the columns are explained in `schema`."""

    id: str
    queue_id: str
    server: str
    host: str
    arrived: float
    entry: str
    api_id: str | None
    message_id: str | None
    traceparent: str | None
    size: int
    recipient_count: int
    recipients_finished: int
    activations: int
    attempted: int
    attempts: int
    waiting_since: float | None
    expired: bool
    notice_of: str | None
    closed: float | None


class AttemptRow(NamedTuple):
    """A row of `attempt`; the columns are explained in `schema`."""

    message: str
    ordinal: int
    number: int
    waiting_since: float
    started: float
    connected: float
    ended: float
    delay: float
    recipient: str
    forwarded: bool
    agent: str
    relay: str
    counted: bool
    status: str
    dsn: str
    cause: str | None
    suspended: bool
    reply: str
