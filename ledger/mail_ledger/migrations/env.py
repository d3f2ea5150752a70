"""Alembic's entry script: runs the migrations in the transaction that `mail_ledger.migrations` began."""

from alembic import context

from mail_ledger import tables

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.metadata)
context.run_migrations()
