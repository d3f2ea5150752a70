"""Create the table `caught_mail`, and the right of API keys to release its mails; existing keys do not have it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table, its index and the column."""
    op.create_table(
        "caught_mail",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("caught", sa.Float, nullable=False),
        sa.Column("field", sa.String(100), nullable=False),
        sa.Column("mail", sa.JSON, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("next_attempt", sa.Float),
        sa.Column("released_as", sa.String(64)),
    )
    op.create_index("ix_caught_mail_caught", "caught_mail", ["caught", "id"])
    op.add_column("api_key", sa.Column("may_release", sa.Boolean, nullable=False, server_default=sa.false()))
