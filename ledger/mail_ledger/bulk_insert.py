"""Bulk insert: writes many rows with one statement that is compiled once.

SQLAlchemy's own insert of many rows takes several times as long as the database.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

from mail_ledger.tables import Values


class BulkInsert:
    """A compiled insert statement for many rows."""

    def __init__(self, engine: Engine, statement: Insert) -> None:
        compiled = statement.compile(dialect=engine.dialect)
        self._sql = str(compiled)
        self._names = [column.name for column in statement.table.columns]
        self._positional = compiled.positional

    def execute(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Write the rows, whose values are in the order of the table's columns; plain tuples are the fastest."""
        if not rows:
            return
        if self._positional:
            connection.exec_driver_sql(self._sql, list(rows))
        else:
            connection.exec_driver_sql(self._sql, [dict(zip(self._names, row, strict=True)) for row in rows])


def upsert(engine: Engine, table: Table) -> Insert:
    """Return the statement that inserts a row, or replaces the row with the same primary key."""
    new = _insert(engine, table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: new.excluded[column.name] for column in table.columns if column.name not in keys}
    return new.on_conflict_do_update(index_elements=keys, set_=values)


def insert_new(engine: Engine, table: Table) -> Insert:
    """Return the statement that inserts a row, unless there is a row with the same primary key.

    So rows can be stored again when the connection broke during a commit.
    """
    return _insert(engine, table).on_conflict_do_nothing(index_elements=list(table.primary_key))


def _insert(engine: Engine, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if engine.dialect.name == "postgresql" else sqlite.insert(table)
