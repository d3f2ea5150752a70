"""Ledger tests on PostgreSQL."""
