"""The words for idempotency: what a caller calls its request, and what that name turns out to stand for."""

import hashlib
from typing import Final, NamedTuple

from mail_ledger.submission import KeyLimitReached, Submission

LONGEST_KEY: Final = 256


class IdempotencyKey(NamedTuple):
    """What the caller calls this request; `scope` keeps the callers' keys apart."""

    scope: str
    key: str

    def hash(self) -> str:
        """Return what is stored of it.

        Raises:
            ValueError: the key is empty or longer than 256 characters.
        """
        if not 0 < len(self.key) <= LONGEST_KEY:
            raise ValueError(f"Idempotency-Key has 1 to {LONGEST_KEY} characters")
        parts = f"{len(self.scope)}:{self.scope}{self.key}"
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


class New(NamedTuple):
    """This request is the first: send the mail, then call `Submissions.finish`."""


class Replay(NamedTuple):
    """The mail was accepted before: answer as the first time."""

    submission: Submission


class Conflict(NamedTuple):
    """The key belongs to another payload."""

    submission: Submission


class InFlight(NamedTuple):
    """Another request with this key and payload is being sent now."""

    submission: Submission


class Unknown(NamedTuple):
    """The mail was sent, nobody knows whether it was accepted, and the log does not tell yet."""

    submission: Submission


Claimed = New | Replay | Conflict | InFlight | Unknown | KeyLimitReached
