"""Create the tables of the first version: log position and open mails."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables that `metadata.create_all` created before there were migrations."""
    op.create_table(
        "log_position",
        sa.Column("log", sa.String(512), primary_key=True),
        sa.Column("head_length", sa.BigInteger, nullable=False),
        sa.Column("head_hash", sa.String(64), nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.Float, nullable=False),
    )
    op.create_table(
        "open_mail",
        sa.Column("queue_id", sa.String(64), primary_key=True),
        sa.Column("state", sa.JSON, nullable=False),
    )
