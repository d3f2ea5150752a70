"""Several mail servers on one ledger: whose log a position is of, and whose queue a mail is in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Name the server; what is there is the only one's, whose name nobody wrote down."""
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
