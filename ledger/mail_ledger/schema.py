"""The tables, in SQLAlchemy Core. Times are Unix seconds in UTC; no column holds a full address."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table

metadata = MetaData()

log_position = Table(
    "log_position",
    metadata,
    Column("server", String(255), primary_key=True, comment="the mail server's MAIL_HOSTNAME; empty: the only one"),
    Column("log", String(512), primary_key=True, comment="the log's path, as configured"),
    Column("head_length", BigInteger, nullable=False, comment="how many first bytes of the file are hashed"),
    Column("head_hash", String(64), nullable=False, comment="SHA-256 of them: what makes the file this file"),
    Column("offset", BigInteger, nullable=False, comment="bytes read, of the uncompressed file"),
    Column("stored_at", Float, nullable=False),
)

message = Table(
    "message",
    metadata,
    Column("id", String(96), primary_key=True, comment="the queue id and what makes it unique: see mail_exporter.mail"),
    Column("queue_id", String(64), nullable=False),
    Column("server", String(255), nullable=False, comment="the mail server, as in log_position"),
    Column("host", String(255), nullable=False, comment="the same as its log calls it: the first label of its name"),
    Column("arrived", Float, nullable=False),
    Column("entry", String(16), nullable=False, comment="api, internal, public, submission, local"),
    Column("api_id", String(64), index=True, comment="the API's own id, msg_..., where the mail is the API's"),
    Column("message_id", String(255), comment="the Message-ID header"),
    Column("traceparent", String(128)),
    Column("size", BigInteger, nullable=False, comment="bytes"),
    Column("recipient_count", Integer, nullable=False),
    Column("recipients_finished", Integer, nullable=False, comment="how many were delivered or bounced"),
    Column("activations", Integer, nullable=False, comment="how often the queue manager took it up"),
    Column("attempted", Integer, nullable=False, comment="the number of the last attempt that ended"),
    Column("attempts", Integer, nullable=False, comment="how many rows it has in attempt"),
    Column("waiting_since", Float),
    Column("expired", Boolean, nullable=False, comment="given up: it was too long in the queue"),
    Column("notice_of", String(64), comment="the queue id of the mail that this bounce or notice is about"),
    Column("closed", Float, comment="when it left the queue"),
    sqlite_with_rowid=False,
)
_is_open = message.c.closed.is_(None)
Index("ix_message_open", message.c.arrived, sqlite_where=_is_open, postgresql_where=_is_open)

attempt = Table(
    "attempt",
    metadata,
    Column("message", ForeignKey(message.c.id, ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, comment="counts the message's attempts, over all recipients"),
    Column("number", Integer, nullable=False, comment="the activation that it belongs to"),
    Column("waiting_since", Float, nullable=False, comment="when the queue manager took the mail up for it"),
    Column("started", Float, nullable=False),
    Column("connected", Float, nullable=False, comment="when DNS, TCP, TLS and login were done"),
    Column("ended", Float, nullable=False, index=True),
    Column("delay", Float, nullable=False, comment="seconds since the mail's arrival"),
    Column("recipient", String(255), nullable=False, comment="masked, as a***@example.com"),
    Column("forwarded", Boolean, nullable=False, comment="an alias made this recipient out of another"),
    Column("agent", String(32), nullable=False, comment="the Postfix daemon"),
    Column("relay", String(255), nullable=False, comment="as logged: host[address]:port"),
    Column("counted", Boolean, nullable=False, comment="the configured relay took it: part of the day's quota"),
    Column("status", String(16), nullable=False),
    Column("dsn", String(16), nullable=False),
    Column("cause", String(16), comment="of mail_telemetry.causes; empty when it was delivered"),
    Column("suspended", Boolean, nullable=False, comment="nothing was tried: the destination had just failed"),
    Column("reply", String(1024), nullable=False, comment="the relay's words or Postfix's, masked"),
    sqlite_with_rowid=False,
)
"""One row per recipient and try."""
