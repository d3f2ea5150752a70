"""Add the bcc recipients of a submission; null in existing rows."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    op.add_column("submission", sa.Column("hidden", sa.JSON))
