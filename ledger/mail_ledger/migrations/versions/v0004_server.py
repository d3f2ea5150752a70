"""Add the mail server's name to log positions and mails, so that several servers can share a ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; existing rows get the empty name, of the only server."""
    connection = op.get_bind()
    old = sa.Table("log_position", sa.MetaData(), autoload_with=connection)
    positions = [{"server": "", **row} for row in connection.execute(sa.select(old)).mappings()]
    op.drop_table("log_position")  # SQLite can't change a primary key
    new = op.create_table(
        "log_position",
        sa.Column("server", sa.String(255), primary_key=True),
        sa.Column("log", sa.String(512), primary_key=True),
        sa.Column("head_length", sa.BigInteger, nullable=False),
        sa.Column("head_hash", sa.String(64), nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.Float, nullable=False),
    )
    if positions:
        op.bulk_insert(new, positions)
    if "server" not in {column["name"] for column in sa.inspect(connection).get_columns("message")}:
        op.add_column("message", sa.Column("server", sa.String(255), nullable=False, server_default=""))
