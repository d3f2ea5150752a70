"""Create the tables `message` and `attempt`, and convert the open mails of the first version."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_open_mail = sa.table("open_mail", sa.column("queue_id", sa.String), sa.column("state", sa.JSON))


def upgrade() -> None:
    """Create the tables and convert the open mails."""
    found = sa.inspect(op.get_bind())
    if not found.has_table("message"):  # some unreleased versions created it without a migration
        _create()
    if found.has_table("open_mail"):
        rows = [_message(row.state) for row in op.get_bind().execute(sa.select(_open_mail.c.state))]
        op.drop_table("open_mail")
        if rows:
            op.bulk_insert(sa.Table("message", sa.MetaData(), autoload_with=op.get_bind()), rows)


def _create() -> None:
    message = op.create_table(
        "message",
        sa.Column("id", sa.String(96), primary_key=True),
        sa.Column("queue_id", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("arrived", sa.Float, nullable=False),
        sa.Column("entry", sa.String(16), nullable=False),
        sa.Column("api_id", sa.String(64), index=True),
        sa.Column("message_id", sa.String(255)),
        sa.Column("traceparent", sa.String(128)),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("recipient_count", sa.Integer, nullable=False),
        sa.Column("recipients_finished", sa.Integer, nullable=False),
        sa.Column("activations", sa.Integer, nullable=False),
        sa.Column("attempted", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("waiting_since", sa.Float),
        sa.Column("expired", sa.Boolean, nullable=False),
        sa.Column("notice_of", sa.String(64)),
        sa.Column("closed", sa.Float),
        sqlite_with_rowid=False,
    )
    is_open = message.c.closed.is_(None)
    op.create_index("ix_message_open", "message", ["arrived"], sqlite_where=is_open, postgresql_where=is_open)
    op.create_table(
        "attempt",
        sa.Column("message", sa.String(96), sa.ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("waiting_since", sa.Float, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("connected", sa.Float, nullable=False),
        sa.Column("ended", sa.Float, nullable=False, index=True),
        sa.Column("delay", sa.Float, nullable=False),
        sa.Column("recipient", sa.String(255), nullable=False),
        sa.Column("forwarded", sa.Boolean, nullable=False),
        sa.Column("agent", sa.String(32), nullable=False),
        sa.Column("relay", sa.String(255), nullable=False),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("dsn", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(16)),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("reply", sa.String(1024), nullable=False),
        sqlite_with_rowid=False,
    )


def _message(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": state["queue_id"],
        "queue_id": state["queue_id"],
        "host": state["host"],
        "arrived": state["arrived"],
        "entry": state["entry"],
        "api_id": state.get("message_id"),  # the first version kept the API's id under this name
        "message_id": None,
        "traceparent": state.get("traceparent"),
        "size": state.get("size", 0),
        "recipient_count": state.get("recipient_count", 0),
        "recipients_finished": 0,
        "activations": state.get("activations", 0),
        "attempted": state.get("attempted", 0),
        "attempts": 0,
        "waiting_since": state.get("waiting_since"),
        "expired": False,
        "notice_of": None,
        "closed": None,
    }
