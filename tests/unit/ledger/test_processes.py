"""Several processes on one ledger, at the same moment."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.connections import connect
from tests.unit.ledger.test_migrations import LOG, POSITION, first_version
from tests.unit.ledger.worker import KEY_LIMIT, KEY_NAME

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 2


def together(url: str, what: str, times: int, processes: int = PROCESSES) -> list[str | int]:
    """Have processes do it so many times each, all at the same moment, and return what came of it."""
    command = [sys.executable, "-W", "error", "-m", "tests.unit.ledger.worker", url, what, str(times)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    workers = [
        subprocess.Popen(  # noqa: S603 - our own worker
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    results: list[str | int] = []
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert worker.returncode == 0
        results += json.loads(output)
    return results


@pytest.mark.parametrize("processes", [2, 4])
def test_first_start(empty_url: str, processes: int) -> None:
    """Services that start at once on a database that does not exist yet all find it complete."""
    assert ["opened"] * processes == together(empty_url, "open", 1, processes)


def test_first_start_of_a_new_version(empty_url: str) -> None:
    """Services that start at once on an older version's database migrate it once, and keep what is in it."""
    engine = connect(empty_url)
    first_version(engine)
    engine.dispose()
    assert ["opened"] * 4 == together(empty_url, "open", 1, 4)
    ledger = Ledger.open(empty_url)
    assert POSITION == ledger.position(LOG)
    ledger.close()


def test_one_idempotency_key(url: str) -> None:
    """Of 50 requests with one key, exactly one sends."""
    assert Counter(New=1, InFlight=49) == Counter(together(url, "claim", 25))


def test_one_key_limit(url: str, ledger: ApiLedger) -> None:
    """Of 50 mails of one API key, exactly as many are sent as it may."""
    ledger.keys.create(KEY_NAME)
    results = Counter(together(url, "begin", 25))
    assert Counter(NoneType=KEY_LIMIT, KeyLimitReached=50 - KEY_LIMIT) == results


def test_one_counter(url: str, ledger: ApiLedger) -> None:
    """Each of 50 requests has its own number, unless the minute changes between them."""
    ledger.keys.create(KEY_NAME)
    results = Counter(together(url, "count", 25))
    assert sum(results.values()) == 50
    assert max(results.values()) <= 2
    first_minute = results.total() - sum(1 for number in results if results[number] == 2)
    assert set(results) == set(range(1, first_minute + 1))
