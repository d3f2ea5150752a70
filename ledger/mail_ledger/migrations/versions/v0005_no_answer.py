"""Drop the stored answer: a repeated request gets an answer made from the mail's id."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Drop the column."""
    op.drop_column("submission", "answer")
