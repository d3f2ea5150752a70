"""Alembic's entry: runs the scripts in the transaction that `mail_ledger.migrate` began."""

from alembic import context

from mail_ledger import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.metadata)
context.run_migrations()
