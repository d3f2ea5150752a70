"""The tables, in SQLAlchemy Core. Times are Unix seconds in UTC."""

from sqlalchemy import JSON, BigInteger, Column, Float, MetaData, String, Table

metadata = MetaData()

log_position = Table(
    "log_position",
    metadata,
    Column("log", String(512), primary_key=True, comment="the log's path, as configured"),
    Column("head_length", BigInteger, nullable=False, comment="how many first bytes of the file are hashed"),
    Column("head_hash", String(64), nullable=False, comment="SHA-256 of them: what makes the file this file"),
    Column("offset", BigInteger, nullable=False, comment="bytes read, of the uncompressed file"),
    Column("stored_at", Float, nullable=False),
)

open_mail = Table(
    "open_mail",
    metadata,
    Column("queue_id", String(64), primary_key=True),
    Column("state", JSON, nullable=False, comment="what the tracker knows of a mail that is still in the queue"),
)
