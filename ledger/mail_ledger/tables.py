"""Database tables and their rows, in SQLAlchemy Core.

Times are Unix seconds in UTC. The exporter writes `log_position`, `message` and `attempt`; the API writes `submission`,
`api_key` and `caught_mail`. No column contains a full address, except `submission.recipients` with
LEDGER_ADDRESSES=full, and `caught_mail.mail`, which is a whole mail.
"""

from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    false,
    literal_column,
    or_,
    text,
)

DAY_SECONDS: Final = 86_400.0

metadata = MetaData()

log_position = Table(
    "log_position",
    metadata,
    Column("server", String(255), primary_key=True, comment="the mail server's MAIL_HOSTNAME; empty: the only one"),
    Column("log", String(512), primary_key=True, comment="the log's path, as configured"),
    Column("head_length", BigInteger, nullable=False, comment="how many first bytes of the file are hashed"),
    Column("head_hash", String(64), nullable=False, comment="SHA-256 of these bytes; identifies the file"),
    Column("offset", BigInteger, nullable=False, comment="bytes read, of the uncompressed file"),
    Column("stored_at", Float, nullable=False),
)

message = Table(
    "message",
    metadata,
    Column("id", String(96), primary_key=True, comment="the queue id and a unique suffix: see mail_exporter.mail"),
    Column("queue_id", String(64), nullable=False),
    Column("server", String(255), nullable=False, comment="the mail server, as in log_position"),
    Column("host", String(255), nullable=False, comment="the mail server as its log names it: the first label"),
    Column("arrived", Float, nullable=False),
    Column("entry", String(16), nullable=False, comment="api, internal, public, submission, local"),
    Column("api_id", String(64), index=True, comment="the API's id, msg_...; null: not sent by the API"),
    Column("message_id", String(255), comment="the Message-ID header"),
    Column("traceparent", String(128)),
    Column("size", BigInteger, nullable=False, comment="bytes"),
    Column("recipient_count", Integer, nullable=False),
    Column("recipients_finished", Integer, nullable=False, comment="recipients that were delivered or bounced"),
    Column("activations", Integer, nullable=False, comment="how many times the queue manager activated the mail"),
    Column("attempted", Integer, nullable=False, comment="the number of the last attempt that ended"),
    Column("attempts", Integer, nullable=False, comment="how many rows of attempt the mail has"),
    Column("waiting_since", Float),
    Column("expired", Boolean, nullable=False, comment="Postfix gave up: the mail was too long in the queue"),
    Column("notice_of", String(64), comment="of a bounce or notice: the queue id of the mail that it is about"),
    Column("closed", Float, comment="when the mail left the queue"),
    sqlite_with_rowid=False,
)
_is_open = message.c.closed.is_(None)
Index("ix_message_open", message.c.arrived, sqlite_where=_is_open, postgresql_where=_is_open)

attempt = Table(
    "attempt",
    metadata,
    Column("message", ForeignKey(message.c.id, ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, comment="counts the mail's attempts, over all recipients"),
    Column("number", Integer, nullable=False, comment="the activation that the attempt belongs to"),
    Column("waiting_since", Float, nullable=False, comment="when the queue manager activated the mail for it"),
    Column("started", Float, nullable=False),
    Column("connected", Float, nullable=False, comment="when DNS, TCP, TLS and login were done"),
    Column("ended", Float, nullable=False, index=True),
    Column("delay", Float, nullable=False, comment="seconds since the mail's arrival"),
    Column("recipient", String(255), nullable=False, comment="masked, as a***@example.com"),
    Column("forwarded", Boolean, nullable=False, comment="an alias replaced the original recipient by this one"),
    Column("agent", String(32), nullable=False, comment="the Postfix daemon"),
    Column("relay", String(255), nullable=False, comment="as logged: host[address]:port"),
    Column("counted", Boolean, nullable=False, comment="accepted by the configured relay: counts against the quota"),
    Column("status", String(16), nullable=False),
    Column("dsn", String(16), nullable=False),
    Column("cause", String(16), comment="of mail_telemetry.causes; null after a delivery"),
    Column("suspended", Boolean, nullable=False, comment="Postfix did not try: the destination had just failed"),
    Column("reply", String(1024), nullable=False, comment="the reply of the relay, or Postfix's text; masked"),
    sqlite_with_rowid=False,
)
"""One row per recipient and attempt."""

# SQLAlchemy asks SQLite for `counted = 1`, and SQLite uses the index only for the same text.
_is_counted = text("counted = 1")
Index("ix_attempt_counted", attempt.c.ended, sqlite_where=_is_counted, postgresql_where=attempt.c.counted)

api_key = Table(
    "api_key",
    metadata,
    Column("prefix", String(16), primary_key=True, comment="the key's public part, by which its row is found"),
    Column("name", String(64), nullable=False),
    Column("secret_hash", String(64), nullable=False, comment="SHA-256 of the whole key"),
    Column("important", Boolean, nullable=False, comment="may use QUOTA_RESERVE"),
    Column("recipients_per_day", Integer, comment="null: only the relay's limit"),
    Column("requests_per_minute", Integer),
    Column("allowed_senders", JSON, nullable=False, comment="addresses and domains; empty: only DEFAULT_FROM"),
    Column("may_release", Boolean, nullable=False, server_default=false(), comment="may read and release caught mails"),
    Column("created", Float, nullable=False),
    Column("revoked", Float),
    Column("last_used", Float),
    Column("minute", Integer, nullable=False, comment="the Unix minute that minute_requests counts"),
    Column("minute_requests", Integer, nullable=False),
)
_is_valid = api_key.c.revoked.is_(None)
Index("ix_api_key_name", api_key.c.name, unique=True, sqlite_where=_is_valid, postgresql_where=_is_valid)

submission = Table(
    "submission",
    metadata,
    Column("id", String(64), primary_key=True, comment="the API's id, msg_..."),
    Column("message_id", String(255), nullable=False, comment="the Message-ID header"),
    Column("state", String(16), nullable=False, comment="a SubmissionState"),
    Column("code", String(64), comment="why the submission failed or is unknown"),
    Column("queue_id", String(64)),
    Column("created", Float, nullable=False, comment="before the SMTP submission began"),
    Column("finished", Float, comment="when the SMTP submission ended"),
    Column("key_name", String(64), comment="of the API key; null: a caller without a key"),
    Column("recipients", JSON, nullable=False, comment="masked, unless LEDGER_ADDRESSES=full"),
    Column("recipient_count", Integer, nullable=False),
    Column("hidden", JSON, comment="the bcc recipients, masked likewise; null: stored by an older version"),
    Column("tags", JSON, nullable=False),
    Column("trace_id", String(32)),
    Column("idempotency_key", String(64), unique=True, comment="SHA-256 of scope and key, while the key is in use"),
    Column("payload_hash", String(64)),
)
Index("ix_submission_created", submission.c.created, submission.c.id)
Index("ix_submission_key", submission.c.key_name, submission.c.created)

is_unfinished = submission.c.state.in_((literal_column("'pending'"), literal_column("'unknown'")))
"""The submission has no certain outcome. Written with constants, without which SQLite does not use the index."""
Index("ix_submission_open", submission.c.created, sqlite_where=is_unfinished, postgresql_where=is_unfinished)

caught_mail = Table(
    "caught_mail",
    metadata,
    Column("id", String(64), primary_key=True, comment="the id in the answer to the caller, msg_..."),
    Column("caught", Float, nullable=False),
    Column("field", String(100), nullable=False, comment="the honeypot field that was filled"),
    Column("mail", JSON, nullable=False, comment="the text fields of the request, with full addresses"),
    Column("files", JSON, nullable=False, comment="the names of its files, which are not kept"),
    Column("state", String(16), nullable=False, comment="a CaughtState"),
    Column("code", String(64), comment="why the last attempt to release it failed"),
    Column("next_attempt", Float, comment="when the API releases a mail that is requested"),
    Column("released_as", String(64), comment="the id of the mail that was sent"),
)
Index("ix_caught_mail_caught", caught_mail.c.caught, caught_mail.c.id)


def was_accepted() -> ColumnElement[bool]:
    """Return the condition that the mail server accepted the mail of a row of `message`.

    Postfix logs the Message-ID earlier, also of a mail whose transfer was interrupted.
    """
    return or_(message.c.activations > 0, message.c.closed.is_not(None))


class SubmissionState(StrEnum):
    """The state of a submission from the API to the mail server."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


class CaughtState(StrEnum):
    """The state of a mail that the honeypot caught."""

    CAUGHT = "caught"
    REQUESTED = "requested"
    """Its release was requested; the API sends it within seconds."""
    RELEASED = "released"


Values = tuple[Any, ...]
"""A row's values in the order of the columns; making and storing a named tuple takes several times as long."""


class LogPosition(NamedTuple):
    """How far a log was read: the file, identified by a hash of its first bytes, and an offset in bytes."""

    head_length: int
    head_hash: str
    offset: int


class MessageRow(NamedTuple):
    """A row of `message`, in the order of its columns."""

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
    """A row of `attempt`, in the order of its columns."""

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
