"""Poll a condition until it holds, with a deadline."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

DEADLINE_SECONDS: Final = 60.0
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], seconds: float = DEADLINE_SECONDS) -> T:
    """Return the first true result of `look`.

    Raises:
        TimeoutError: there was no true result within `seconds`; the message contains `what`.
    """
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.1)
