"""The ledger's tests on PostgreSQL."""
