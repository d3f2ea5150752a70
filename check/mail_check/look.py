"""Runs all looks at once, each in a thread of its own, and never longer than it was told to."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from mail_check.finding import Area, Finding, Status, Verdict, unknown
from mail_check.reason import reason

Looking: TypeAlias = Callable[[], Iterable[Verdict]]
"""Yields verdicts as they come; what it raises means that it could not be looked at."""


class Look(NamedTuple):
    """One thing to look at."""

    area: Area
    name: str
    looking: Looking


def run(looks: Sequence[Look], seconds: float) -> Iterator[Finding]:
    """Yield what came of all looks, in their order, each as soon as it and those before it are done.

    Args:
        looks: what to look at.
        seconds: the bound for each look, and so for all of them; what takes longer could not be looked at.
    """
    deadline = time.monotonic() + seconds
    for one in [_Running(look) for look in looks]:
        yield from one.findings(deadline, seconds)


class _Running:
    def __init__(self, look: Look) -> None:
        self._look = look
        self._found: list[Verdict] = []
        # A thread that hangs in a system call (a name server that is silent) must not keep the process.
        self._thread = threading.Thread(target=self._run, name=f"{look.area} {look.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.extend(self._look.looking())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other findings are wanted too
            self._found.append(unknown(reason(error)))

    def findings(self, deadline: float, seconds: float) -> Iterator[Finding]:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        late = [unknown(f"no answer within {seconds:g} s", "Look again, with a larger --seconds.")]
        for verdict in [*self._found, *(late if self._thread.is_alive() else [])]:
            yield self._finding(verdict)

    def _finding(self, verdict: Verdict) -> Finding:
        status, message, fix, name = verdict
        return Finding(self._look.area, name or self._look.name, Status(status), " ".join(message.split()), fix)
