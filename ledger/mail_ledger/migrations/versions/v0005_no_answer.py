"""The answer to a repetition is made anew from the mail's id: nobody reads a stored one."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Drop it."""
    op.drop_column("submission", "answer")
