"""Log lines on their way out, a moment's worth at a time: whoever collects a container's output wakes at every write.

write ──▶ waiting ──▶ one thread: a moment later, all of it in one go ──▶ stream
"""

import time
from collections import deque
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Final, TextIO

MOMENT_SECONDS: Final = 0.05
"""How late a line may be. Docker takes twenty lines in hardly more time than one."""
_MOST: Final = 10_000
"""How many texts may wait; who comes next waits until they are written."""


class Gathered:
    """A stream that is written to a moment later, or when it is flushed.

    Args:
        stream: where the text goes; what it does not take is lost, as no log line may stop a mail.
        seconds: how long text waits for more.
    """

    def __init__(self, stream: TextIO, seconds: float = MOMENT_SECONDS) -> None:
        self._stream = stream
        self._seconds = seconds
        self._waiting: deque[str] = deque()
        self._some = Event()
        self._writing = Lock()
        Thread(target=self._run, name="log-lines", daemon=True).start()

    def write(self, text: str) -> None:
        """Take the text; wait only while nobody reads what was written before."""
        self._waiting.append(text)
        if len(self._waiting) >= _MOST:
            self.flush()
        elif not self._some.is_set():
            self._some.set()

    def flush(self) -> None:
        """Write what waits, now."""
        with self._writing, suppress(OSError, ValueError):  # ValueError: it is closed
            text = "".join([self._waiting.popleft() for _ in range(len(self._waiting))])
            if text:
                # A lone surrogate, which UTF-8 can't say, must not cost the lines around it.
                self._stream.write(text.encode("utf-8", "backslashreplace").decode())
                self._stream.flush()

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(self._seconds)
            self._some.clear()  # first: what comes from here on sets it anew
            self.flush()
