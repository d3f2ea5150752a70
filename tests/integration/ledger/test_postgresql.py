"""All tests of the ledger that depend on its database, on PostgreSQL: the fixture `url` makes the difference."""

from types import ModuleType

from tests.unit.ledger import (
    test_claims,
    test_keys,
    test_messages,
    test_migrations,
    test_processes,
    test_prune,
    test_quotas,
    test_submissions,
)


def _take(module: ModuleType) -> None:
    for name, test in vars(module).items():
        if name.startswith("test_"):
            globals()[f"{module.__name__.rpartition('.')[2]}_{name.removeprefix('test_')}"] = test


for _module in (
    test_claims,
    test_keys,
    test_messages,
    test_migrations,
    test_processes,
    test_prune,
    test_quotas,
    test_submissions,
):
    _take(_module)
