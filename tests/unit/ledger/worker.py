"""One of several processes that do the same to one ledger at the same moment: `worker URL WHAT COUNT`.

It says `ready`, waits for a line, does WHAT so many times at once, and prints the results as JSON.
"""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.idempotency import Answer, IdempotencyKey
from mail_ledger.submission import NewSubmission

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
    claimed = ledger.claims.claim(_new(number), IdempotencyKey("web", "order-1"), "p", Answer(200, {}))
    return type(claimed).__name__


def begin(ledger: ApiLedger, number: int) -> str:
    """Send under a key's limit."""
    return type(ledger.submissions.begin(_new(number), KEY_LIMIT)).__name__


def count(ledger: ApiLedger, _: int) -> int:
    """Count a request of the one key."""
    (key,) = ledger.keys.list()
    return ledger.keys.count_request(key).requests


def _at_once(work: Callable[[int], str | int], times: int) -> list[str | int]:
    barrier = Barrier(times)

    def start(number: int) -> str | int:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(start, range(times)))


def main(url: str, what: str, times: int) -> None:
    """Do it."""
    works: dict[str, Callable[[ApiLedger, int], str | int]] = {"claim": claim, "begin": begin, "count": count}
    ledger = ApiLedger.open(url) if what in works else None
    print("ready", flush=True)  # noqa: T201 - the test reads it
    sys.stdin.readline()
    work = (lambda number: works[what](ledger, number)) if ledger else (lambda number: open_new(url, number))
    print(json.dumps(_at_once(work, times)))  # noqa: T201 - same
    if ledger:
        ledger.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
