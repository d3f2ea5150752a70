"""API keys: made once, shown once, stored as a hash; what their holders may do, and whether they still may.

    dm_1f0c9a4e_5b1d0c6e7f8a9b0c1d2e3f4a5b6c7d8e
       prefix   secret: 128 random bits

So many random bits can't be guessed from their SHA-256, and a slow password hash would only slow every request.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Engine, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from mail_ledger.api_key import ApiKey, KeyLimits, api_key_of, check
from mail_ledger.engine import LedgerError
from mail_ledger.tables import api_key
from mail_ledger.transactions import reading, writing

_KEY: Final = re.compile(r"dm_(?P<prefix>[0-9a-f]{8})_[0-9a-f]{32}")
_NOBODY: Final = hashlib.sha256(b"no key has this text").hexdigest()
_MINUTE: Final = 60


class RequestCount(NamedTuple):
    """What one more request of a key amounts to; `retry_at` (Unix seconds) is set when it was one too many."""

    requests: int
    retry_at: float | None


class Keys:
    """The API keys in the ledger; `now` tells the Unix time."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now

    def create(
        self,
        name: str,
        *,
        important: bool = False,
        limits: KeyLimits = KeyLimits(),  # noqa: B008 - immutable
        allowed_senders: Sequence[str] = (),
    ) -> str:
        """Return a new key in plain text, which nothing can show again.

        Raises:
            ValueError: the name, a limit or a sender is unusable; the text says which.
            LedgerError: there is a valid key of this name already, or the ledger can't be written.
        """
        check(name, limits, allowed_senders)
        prefix, secret = secrets.token_hex(4), secrets.token_hex(16)
        plain = f"dm_{prefix}_{secret}"
        row = {
            "prefix": prefix,
            "name": name,
            "secret_hash": _hash(plain),
            "important": important,
            "allowed_senders": [sender.lower() for sender in allowed_senders],
            "created": self._now(),
            "minute": 0,
            "minute_requests": 0,
            **limits._asdict(),
        }
        try:
            with writing(self._engine, "create the key") as connection:
                connection.execute(insert(api_key).values(row))
        except LedgerError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise LedgerError("create the key", f"there is already a key named {name}; revoke it first") from None
            raise
        return plain

    def verify(self, plain: str) -> ApiKey | None:
        """Return the key that this text is, or None; revoked, unknown and malformed ones look and take the same.

        Raises:
            LedgerError: the ledger can't be read.
        """
        found = _KEY.fullmatch(plain)
        query = select(api_key).where(api_key.c.prefix == (found["prefix"] if found else ""))
        with reading(self._engine, "read the key") as connection:
            row = connection.execute(query).mappings().one_or_none()
        # Always one comparison of the same length, so that its time tells nothing.
        is_right = hmac.compare_digest(_hash(plain), row["secret_hash"] if row else _NOBODY)
        return api_key_of(row) if row and is_right and row["revoked"] is None else None

    def count_request(self, key: ApiKey) -> RequestCount:
        """Count one request of the key in this minute, over all replicas, and note that the key was used.

        Raises:
            LedgerError: the ledger can't be written.
        """
        now = self._now()
        minute = int(now // _MINUTE)
        requests = case((api_key.c.minute == minute, api_key.c.minute_requests + 1), else_=1)
        counted = (
            update(api_key)
            .where(api_key.c.prefix == key.prefix)
            .values(minute=minute, minute_requests=requests, last_used=now)
            .returning(api_key.c.minute_requests)
        )
        with writing(self._engine, "count the request") as connection:
            number = connection.execute(counted).scalar_one_or_none() or 1
        limit = key.limits.requests_per_minute
        return RequestCount(number, (minute + 1.0) * _MINUTE if limit is not None and number > limit else None)

    def revoke(self, name: str) -> None:
        """Make the valid key of this name worthless, at once and for good.

        Raises:
            LedgerError: there is no valid key of this name, or the ledger can't be written.
        """
        is_meant = (api_key.c.name == name) & api_key.c.revoked.is_(None)
        with writing(self._engine, "revoke the key") as connection:
            if not connection.execute(update(api_key).where(is_meant).values(revoked=self._now())).rowcount:
                raise LedgerError("revoke the key", f"there is no valid key named {name}")

    def list(self) -> list[ApiKey]:
        """Return all keys, revoked ones too, by name and age.

        Raises:
            LedgerError: the ledger can't be read.
        """
        with reading(self._engine, "list the keys") as connection:
            rows = connection.execute(select(api_key).order_by(api_key.c.name, api_key.c.created)).mappings()
            return [api_key_of(row) for row in rows]


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
