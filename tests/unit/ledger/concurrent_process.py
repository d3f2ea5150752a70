"""Worker process for tests of concurrent processes: runs one operation many times at once on a ledger."""

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Queue
from multiprocessing.synchronize import Barrier as Ready
from threading import Barrier

from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.idempotency import IdempotencyKey
from mail_ledger.submissions import NewSubmission

KEY_NAME = "web"
KEY_LIMIT = 10


def _new(number: int) -> NewSubmission:
    identity = f"msg_{os.getpid()}_{number}"
    return NewSubmission(identity, f"<{identity}>", ("anna@example.com",), key=KEY_NAME)


def open_new(url: str, _: int) -> str:
    """Open a ledger that does not exist yet."""
    ledger = Ledger.open(url)
    ledger.close()
    return "opened"


def claim(ledger: ApiLedger, number: int) -> str:
    """Claim the one idempotency key."""
    claimed = ledger.idempotency.claim(_new(number), IdempotencyKey("web", "order-1"), "p")
    return type(claimed).__name__


def begin(ledger: ApiLedger, number: int) -> str:
    """Send under a key's limit."""
    return type(ledger.submissions.begin(_new(number), KEY_LIMIT)).__name__


def count(ledger: ApiLedger, _: int) -> int:
    """Count one request of the API key."""
    (key,) = ledger.keys.list()
    return ledger.keys.count_request(key).requests


def _concurrently(work: Callable[[int], str | int], times: int) -> list[str | int]:
    barrier = Barrier(times)

    def start(number: int) -> str | int:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(start, range(times)))


def main(url: str, what: str, times: int, ready: Ready, results: "Queue[list[str | int]]") -> None:
    """Run the operation, once all processes are ready, and put the results into the queue."""
    warnings.simplefilter("error")
    works: dict[str, Callable[[ApiLedger, int], str | int]] = {"claim": claim, "begin": begin, "count": count}
    ledger = ApiLedger.open(url) if what in works else None
    ready.wait()
    work = (lambda number: works[what](ledger, number)) if ledger else (lambda number: open_new(url, number))
    results.put(_concurrently(work, times))
    if ledger:
        ledger.close()
