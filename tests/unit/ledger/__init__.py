"""Tests of the ledger, most of which run on PostgreSQL too (tests/integration/ledger)."""
