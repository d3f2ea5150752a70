"""What each SMTP session was answered, whether mail came of it or not."""

from collections import deque
from dataclasses import dataclass

from mail_sandbox.faults import Stage

DROPPED = "(connection closed)"
HANDSHAKE_FAILED = "(TLS handshake failed)"
"""What stands in place of a reply where none was given."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer in one session: `time` is Unix time in seconds, `reply` the whole text as sent."""

    time: float
    session: str
    peer: str
    stage: Stage
    reply: str


class AttemptLog:
    """The last answers given, oldest first."""

    def __init__(self, *, keep: int = 10_000) -> None:
        self._attempts: deque[Attempt] = deque(maxlen=keep)

    def add(self, attempt: Attempt) -> None:
        """The attempt is the newest."""
        self._attempts.append(attempt)

    def all(self) -> list[Attempt]:
        """Every attempt kept, oldest first."""
        return list(self._attempts)

    def clear(self) -> None:
        """No attempt is kept."""
        self._attempts.clear()
