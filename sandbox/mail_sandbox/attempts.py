"""Log of the relay's replies in each SMTP session, for GET /attempts."""

from collections import deque
from dataclasses import dataclass

from mail_sandbox.faults import SessionStage

DROPPED = "(connection closed)"
HANDSHAKE_FAILED = "(TLS handshake failed)"
"""Entries in place of a reply, where the relay sent none."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reply in one session: `time` is Unix time in seconds, `reply` the whole text as sent."""

    time: float
    session: str
    peer: str
    stage: SessionStage
    reply: str


class AttemptLog:
    """The last replies, oldest first."""

    def __init__(self, *, keep: int = 10_000) -> None:
        self._attempts: deque[Attempt] = deque(maxlen=keep)

    def add(self, attempt: Attempt) -> None:
        """Add the newest attempt."""
        self._attempts.append(attempt)

    def all(self) -> list[Attempt]:
        """Return every attempt kept, oldest first."""
        return list(self._attempts)

    def clear(self) -> None:
        """Remove all attempts."""
        self._attempts.clear()
