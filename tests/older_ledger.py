"""Ledgers of older versions: the rows of a current ledger in the schema of an earlier revision.

What older versions stored, besides the columns that their schema did not have yet:

    before 0002    the mails in the queue only, as JSON in `open_mail`
    before 0003    no revision of the schema: tables were made without Alembic
    before 0004    one mail server without a name; the id of a mail without the mark of its server
    before 0005    the answer of a request with an idempotency key
"""

from collections.abc import Iterable
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, insert, select, text

from mail_ledger import tables
from mail_ledger.engine import READS, connect

Row = dict[str, Any]

_IDS: Final = {"message": "id", "attempt": "message"}
"""The columns with the id of a mail, by table."""
_OPEN_MAIL: Final = ("host", "arrived", "entry", "traceparent", "size", "recipient_count", "activations", "attempted")


def write_older(current: str, older: str, revision: str) -> None:
    """Write the rows of a current ledger into an empty database, as the version with that schema stored them."""
    source, target = connect(current), connect(older)
    with source.connect().execution_options(**READS) as rows, target.begin() as connection:
        _migrate(connection, revision)
        found = MetaData()
        found.reflect(connection)
        if "open_mail" in found.tables:
            _insert(connection, found.tables["open_mail"], _open_mails(rows))
        for table in tables.metadata.sorted_tables:
            if table.name in found.tables:
                old = found.tables[table.name]
                stored = (_older_row(table.name, dict(row), revision) for row in rows.execute(select(table)).mappings())
                _insert(connection, old, ({column.name: row[column.name] for column in old.c} for row in stored))
        if revision < "0003":
            connection.execute(text("DROP TABLE alembic_version"))
    source.dispose()
    target.dispose()


def _migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "mail_ledger:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _insert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    if found := list(rows):
        connection.execute(insert(table), found)


def _older_row(table: str, row: Row, revision: str) -> Row:
    if revision < "0004" and table in _IDS:
        row[_IDS[table]] = row[_IDS[table]].partition("@")[0]
    if table == "submission":
        row["answer"] = [200, {"id": row["id"], "status_url": f"/messages/{row['id']}"}]
    return row


def _open_mails(rows: Connection) -> list[Row]:
    is_open = select(tables.message).where(tables.message.c.closed.is_(None))
    return [
        {
            "queue_id": row["queue_id"],
            "state": {name: row[name] for name in (*_OPEN_MAIL, "queue_id", "waiting_since")}
            | {"message_id": row["api_id"]},
        }
        for row in rows.execute(is_open).mappings()
    ]
