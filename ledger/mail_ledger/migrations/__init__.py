"""The schema's history, as Alembic scripts; `mail_ledger.migrate` runs them when a service starts."""
