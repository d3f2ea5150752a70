"""Runs the ledger's unit tests that depend on the database on PostgreSQL, by another fixture `url`."""

from types import ModuleType

from tests.unit.ledger import (
    test_api_keys,
    test_caught_mails,
    test_concurrent_processes,
    test_idempotency,
    test_migrations,
    test_prune,
    test_relay_quota,
    test_status_queries,
    test_submissions,
    test_unknown_outcomes,
)


def _take(module: ModuleType) -> None:
    for name, test in vars(module).items():
        if name.startswith("test_"):
            globals()[f"{module.__name__.rpartition('.')[2]}_{name.removeprefix('test_')}"] = test


for _module in (
    test_api_keys,
    test_caught_mails,
    test_concurrent_processes,
    test_idempotency,
    test_migrations,
    test_prune,
    test_relay_quota,
    test_status_queries,
    test_submissions,
    test_unknown_outcomes,
):
    _take(_module)
