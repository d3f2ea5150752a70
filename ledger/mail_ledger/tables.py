"""The tables of what the API does, beside the exporter's in `schema`. Times are Unix seconds in UTC."""

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, String, Table, literal_column, text

from mail_ledger.schema import attempt, metadata

__all__ = ["api_key", "is_open", "metadata", "submission"]

api_key = Table(
    "api_key",
    metadata,
    Column("prefix", String(16), primary_key=True, comment="the key's public part, which finds its row"),
    Column("name", String(64), nullable=False),
    Column("secret_hash", String(64), nullable=False, comment="SHA-256 of the whole key"),
    Column("important", Boolean, nullable=False, comment="may use what QUOTA_RESERVE keeps"),
    Column("recipients_per_day", Integer, comment="none: the relay's limit alone"),
    Column("requests_per_minute", Integer),
    Column("allowed_senders", JSON, nullable=False, comment="addresses and domains; none: DEFAULT_FROM alone"),
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
    Column("id", String(64), primary_key=True, comment="the API's own id, msg_..."),
    Column("message_id", String(255), nullable=False, comment="the Message-ID header"),
    Column("state", String(16), nullable=False, comment="pending, accepted, failed, unknown"),
    Column("code", String(64), comment="why it failed, or is unknown"),
    Column("queue_id", String(64)),
    Column("created", Float, nullable=False, comment="before anything was sent"),
    Column("finished", Float, comment="when the mail server had answered, or could no more"),
    Column("key_name", String(64), comment="of the API key; none: a caller without one"),
    Column("recipients", JSON, nullable=False, comment="masked, unless LEDGER_ADDRESSES=full"),
    Column("recipient_count", Integer, nullable=False),
    Column("hidden", JSON, comment="recipients of bcc alone, masked likewise; none: stored by an older version"),
    Column("tags", JSON, nullable=False),
    Column("trace_id", String(32)),
    Column("idempotency_key", String(64), unique=True, comment="SHA-256 of scope and key, as long as it holds"),
    Column("payload_hash", String(64)),
)
Index("ix_submission_created", submission.c.created, submission.c.id)
Index("ix_submission_key", submission.c.key_name, submission.c.created)
is_open = submission.c.state.in_((literal_column("'pending'"), literal_column("'unknown'")))
"""No certain outcome yet. Written with constants, without which SQLite does not see that the index fits."""
Index("ix_submission_open", submission.c.created, sqlite_where=is_open, postgresql_where=is_open)

# SQLAlchemy asks SQLite for `counted = 1`, and SQLite compares the words.
_is_counted = text("counted = 1")
Index("ix_attempt_counted", attempt.c.ended, sqlite_where=_is_counted, postgresql_where=attempt.c.counted)
