"""Concurrent processes on one ledger: first start, migration, idempotency, limits and counters."""

from collections import Counter
from multiprocessing import get_context

import pytest

from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.engine import connect
from tests.unit.ledger import concurrent_process
from tests.unit.ledger.concurrent_process import KEY_LIMIT, KEY_NAME
from tests.unit.ledger.test_migrations import LOG, POSITION, first_version

pytestmark = pytest.mark.slow

PROCESSES = 2
DEADLINE_SECONDS = 60
# Forked from one process that has imported all modules: the imports take longer than the tests.
STARTER = get_context("forkserver")
STARTER.set_forkserver_preload([concurrent_process.__name__, "alembic.command"])


def run_concurrently(url: str, what: str, times: int, processes: int = PROCESSES) -> list[str | int]:
    """Run the operation `times` times in each process, all at the same moment, and return the results."""
    barrier, results = STARTER.Barrier(processes), STARTER.Queue()
    started = [
        STARTER.Process(target=concurrent_process.main, args=(url, what, times, barrier, results))
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    found: list[str | int] = [result for _ in started for result in results.get(timeout=DEADLINE_SECONDS)]
    for process in started:
        process.join(DEADLINE_SECONDS)
    assert [0] * processes == [process.exitcode for process in started]
    return found


@pytest.mark.parametrize("processes", [2, 4])
def test_first_start(empty_url: str, processes: int) -> None:
    """Services that start at once on a missing database all open a complete one."""
    assert ["opened"] * processes == run_concurrently(empty_url, "open", 1, processes)


def test_first_start_of_a_new_version(empty_url: str) -> None:
    """Services that start at once on an older version's database migrate it once, and keep its content."""
    engine = connect(empty_url)
    first_version(engine)
    engine.dispose()
    assert ["opened"] * 4 == run_concurrently(empty_url, "open", 1, 4)
    ledger = Ledger.open(empty_url)
    assert POSITION == ledger.position(LOG)
    ledger.close()


def test_one_idempotency_key(url: str) -> None:
    """Of 50 requests with one key, exactly one sends."""
    assert Counter(New=1, InFlight=49) == Counter(run_concurrently(url, "claim", 25))


def test_one_key_limit(url: str, ledger: ApiLedger) -> None:
    """Of 50 mails of one API key, exactly the limit is accepted."""
    ledger.keys.create(KEY_NAME)
    results = Counter(run_concurrently(url, "begin", 25))
    assert Counter(NoneType=KEY_LIMIT, KeyLimitReached=50 - KEY_LIMIT) == results


def test_one_counter(url: str, ledger: ApiLedger) -> None:
    """Each of 50 requests has its own number, unless the minute changes between them."""
    ledger.keys.create(KEY_NAME)
    results = Counter(run_concurrently(url, "count", 25))
    assert sum(results.values()) == 50
    assert max(results.values()) <= 2
    first_minute = results.total() - sum(1 for number in results if results[number] == 2)
    assert set(results) == set(range(1, first_minute + 1))
