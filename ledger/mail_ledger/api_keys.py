"""API keys: create, verify, list and revoke; count the requests of a key.

    dm_1f0c9a4e_5b1d0c6e7f8a9b0c1d2e3f4a5b6c7d8e
       prefix   secret: 128 random bits

A key is shown once and stored as a SHA-256. 128 random bits cannot be guessed from it; a slow password hash would only
slow down every request.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Engine, RowMapping, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from mail_ledger.engine import LedgerError, reading, writing
from mail_ledger.key_limits import KeyLimits
from mail_ledger.tables import api_key
from mail_telemetry.masking import domain_of

KEY_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""A valid name of a key."""

_KEY: Final = re.compile(r"dm_(?P<prefix>[0-9a-f]{8})_[0-9a-f]{32}")
_NO_HASH: Final = hashlib.sha256(b"no key has this text").hexdigest()
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret. A caller with a key may send to any recipient."""

    prefix: str
    name: str
    important: bool
    """Whether its mails may use the reserve (QUOTA_RESERVE)."""
    limits: KeyLimits
    allowed_senders: tuple[str, ...]
    """Addresses and domains that may be in From; empty: only DEFAULT_FROM."""
    created: float
    revoked: float | None
    last_used: float | None
    may_release: bool = False
    """Whether it may read and release mails that the honeypot caught."""

    def allows_sender(self, address: str) -> bool:
        """Return whether `allowed_senders` contains the address or its domain."""
        return bool({address.lower(), domain_of(address)} & set(self.allowed_senders))


class RequestCount(NamedTuple):
    """The number of a key's requests in this minute; `retry_at` (Unix seconds) is set above the key's limit."""

    requests: int
    retry_at: float | None


class ApiKeys:
    """The API keys in the ledger; `now` returns the Unix time."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._now = now

    def create(
        self,
        name: str,
        *,
        important: bool = False,
        may_release: bool = False,
        limits: KeyLimits = KeyLimits(),  # noqa: B008 - immutable
        allowed_senders: Sequence[str] = (),
    ) -> str:
        """Create a key and return it in plain text, which cannot be read again.

        Raises:
            ValueError: the name, a limit or a sender is invalid; the text names it.
            LedgerError: there is already a valid key of this name, or the ledger cannot be written.
        """
        _validate(name, limits, allowed_senders)
        prefix, secret = secrets.token_hex(4), secrets.token_hex(16)
        plain = f"dm_{prefix}_{secret}"
        row = {
            "prefix": prefix,
            "name": name,
            "secret_hash": _hash(plain),
            "important": important,
            "may_release": may_release,
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
        """Return the key with this plain text, or None for one that is revoked, unknown or malformed.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        found = _KEY.fullmatch(plain)
        query = select(api_key).where(api_key.c.prefix == (found["prefix"] if found else ""))
        with reading(self._engine, "read the key") as connection:
            row = connection.execute(query).mappings().one_or_none()
        # Always one comparison of the same length, so that the response time does not depend on the reason.
        is_right = hmac.compare_digest(_hash(plain), row["secret_hash"] if row else _NO_HASH)
        return _api_key(row) if row and is_right and row["revoked"] is None else None

    def count_request(self, key: ApiKey) -> RequestCount:
        """Count one request of the key in this minute, over all replicas, and store when the key was used.

        Raises:
            LedgerError: the ledger cannot be written.
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
        """Revoke the valid key of this name; it takes effect at once and cannot be undone.

        Raises:
            LedgerError: there is no valid key of this name, or the ledger cannot be written.
        """
        is_named = (api_key.c.name == name) & api_key.c.revoked.is_(None)
        with writing(self._engine, "revoke the key") as connection:
            if not connection.execute(update(api_key).where(is_named).values(revoked=self._now())).rowcount:
                raise LedgerError("revoke the key", f"there is no valid key named {name}")

    def list(self) -> list[ApiKey]:
        """Return all keys, revoked ones included, sorted by name and age.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with reading(self._engine, "list the keys") as connection:
            rows = connection.execute(select(api_key).order_by(api_key.c.name, api_key.c.created)).mappings()
            return [_api_key(row) for row in rows]


def _validate(name: str, limits: KeyLimits, senders: Sequence[str]) -> None:
    if not re.fullmatch(KEY_NAME, name):
        raise ValueError("a name has 1 to 64 letters, digits, dots, dashes and underscores")
    if any(limit is not None and limit < 1 for limit in limits):
        raise ValueError("a limit is at least 1")
    if any(not sender or set(sender) & set(" ,;<>") for sender in senders):
        raise ValueError("a sender is one address, or a domain")


def _api_key(row: RowMapping) -> ApiKey:
    return ApiKey(
        prefix=row["prefix"],
        name=row["name"],
        important=row["important"],
        limits=KeyLimits(row["recipients_per_day"], row["requests_per_minute"]),
        allowed_senders=tuple(row["allowed_senders"]),
        created=row["created"],
        revoked=row["revoked"],
        last_used=row["last_used"],
        may_release=row["may_release"],
    )


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
