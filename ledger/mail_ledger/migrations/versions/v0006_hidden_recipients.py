"""Which recipients of a submission the others must not see; unknown for those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    op.add_column("submission", sa.Column("hidden", sa.JSON))
