"""Create the tables `api_key` and `submission`, and an index for the quota."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables and indexes."""
    key = op.create_table(
        "api_key",
        sa.Column("prefix", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("important", sa.Boolean, nullable=False),
        sa.Column("recipients_per_day", sa.Integer),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("allowed_senders", sa.JSON, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("revoked", sa.Float),
        sa.Column("last_used", sa.Float),
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("minute_requests", sa.Integer, nullable=False),
    )
    _partial_index("ix_api_key_name", "api_key", "name", key.c.revoked.is_(None), unique=True)
    op.create_table(
        "submission",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("message_id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("queue_id", sa.String(64)),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("finished", sa.Float),
        sa.Column("key_name", sa.String(64)),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("recipient_count", sa.Integer, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("trace_id", sa.String(32)),
        sa.Column("idempotency_key", sa.String(64), unique=True),
        sa.Column("payload_hash", sa.String(64)),
        sa.Column("answer", sa.JSON),
    )
    op.create_index("ix_submission_created", "submission", ["created", "id"])
    op.create_index("ix_submission_key", "submission", ["key_name", "created"])
    is_open = sa.text("state IN ('pending', 'unknown')")
    _partial_index("ix_submission_open", "submission", "created", is_open)
    on_sqlite, on_postgresql = sa.text("counted = 1"), sa.text("counted")
    op.create_index("ix_attempt_counted", "attempt", ["ended"], sqlite_where=on_sqlite, postgresql_where=on_postgresql)


def _partial_index(
    name: str, table: str, column: str, condition: sa.ColumnElement[bool] | sa.TextClause, *, unique: bool = False
) -> None:
    op.create_index(name, table, [column], unique=unique, sqlite_where=condition, postgresql_where=condition)
