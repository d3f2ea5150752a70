"""Log lines on their way out, a moment's worth at a time: whoever collects a container's output wakes at every write.

put ──▶ waiting ──▶ one thread: a moment later, all of them to text, in one go ──▶ stream
"""

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Final, Generic, TextIO, TypeVar

MOMENT_SECONDS: Final = 0.05
"""How late a line may be. Docker takes twenty lines in hardly more time than one."""
_MOST: Final = 10_000
"""How many lines may wait; who comes next waits until they are written."""

T = TypeVar("T")


def tell_loss(problem: Exception) -> None:
    """Say on standard error that log lines are lost, and by which kind of exception; its words may hold an address."""
    with suppress(OSError, ValueError):  # nobody is left to be told
        sys.stderr.write(f"log lines are lost: {type(problem).__name__}\n")


class Gathered(Generic[T]):
    """A stream that one thread writes to, a moment later.

    Args:
        stream: where the text goes; what it does not take is lost, as no log line may stop a mail.
            Standard error says when that begins.
        render: makes text of a line, whatever the line is.
        seconds: how long a line waits for more.
    """

    def __init__(self, stream: TextIO, render: Callable[[T], str], seconds: float = MOMENT_SECONDS) -> None:
        self._stream = stream
        self._render = render
        self._seconds = seconds
        self._waiting: deque[T] = deque()
        self._some = Event()
        self._hurry = Event()
        self._writing = Lock()
        self._is_losing = False
        Thread(target=self._run, name="log-lines", daemon=True).start()

    def put(self, line: T, *, at_once: bool = False) -> None:
        """Take the line, which may not have to wait for more; wait only while nobody reads what was written before."""
        self._waiting.append(line)
        if len(self._waiting) >= _MOST:
            self.flush()
        if not self._some.is_set():
            self._some.set()
        if at_once:
            self._hurry.set()

    def flush(self, patience: float = 1.0) -> None:
        """Write what waits, now; not where another thread writes for so many seconds, which may want a lock of ours."""
        if not self._writing.acquire(timeout=patience):
            return
        try:
            text = "".join([self._render(self._waiting.popleft()) for _ in range(len(self._waiting))])
            if text:
                # A lone surrogate, which UTF-8 can't say, must not cost the lines around it.
                self._stream.write(text.encode("utf-8", "backslashreplace").decode())
                self._stream.flush()
                self._is_losing = False
        except (OSError, ValueError) as problem:  # ValueError: it is closed
            if not self._is_losing:
                tell_loss(problem)
            self._is_losing = True
        finally:
            self._writing.release()

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._hurry.wait(self._seconds)
            self._hurry.clear()
            self._some.clear()  # before the lines are taken: what comes from here on sets it anew
            self.flush()
