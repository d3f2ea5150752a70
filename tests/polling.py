"""Poll a condition until it holds, with a deadline."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

DEADLINE_SECONDS: Final = 30.0
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], seconds: float = DEADLINE_SECONDS) -> T:
    """Return what `look` finds, once it finds something true.

    Raises:
        TimeoutError: it did not in time; the message says what was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.1)
