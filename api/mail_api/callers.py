"""Who calls: the holder of an API key, or somebody without one."""

import hashlib
import time
from collections import OrderedDict
from math import ceil
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from mail_api.errors import KeyInvalid, KeyRateLimited, KeyUnverifiable
from mail_api.ledger_access import LedgerAccess, LedgerAway
from mail_ledger.api_key import ApiKey

_SCHEME: Final = "bearer"
_MOST_REMEMBERED: Final = 100
_REMEMBERED_SECONDS: Final = 3600.0
_NOTED_SECONDS: Final = 60.0
_FOUND: Final = "api_key"
"""Where a request's state keeps the key that it showed: its trace, its admission and its answer may all ask."""


class Callers:
    """Tells callers apart by `Authorization: Bearer dm_...` (RFC 6750 section 2.1).

    A key that was good within the hour stays good while the ledger is away; no other is taken then.
    """

    def __init__(self, ledger: LedgerAccess) -> None:
        self._ledger = ledger
        self._good: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()

    async def identify(self, scope: Scope) -> ApiKey | None:
        """Return the key of a request's caller, or None for a caller without one.

        Raises:
            KeyInvalid: the header holds something else than a valid key.
            KeyUnverifiable: the ledger is away, and this key was not seen lately.
        """
        authorization = Headers(scope=scope).get("authorization")
        if authorization is None:
            return None
        state = scope.setdefault("state", {})
        if _FOUND not in state:
            state[_FOUND] = await self._verified(authorization)
        found: ApiKey = state[_FOUND]
        return found

    async def _verified(self, authorization: str) -> ApiKey:
        scheme, _, plain = authorization.partition(" ")
        plain = plain.strip()
        if scheme.lower() != _SCHEME or not plain:
            raise KeyInvalid
        digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            key = await self._ledger.call("key", lambda ledger: ledger.keys.verify(plain))
        except LedgerAway:
            return self._remembered(digest)
        if key is None:
            self._good.pop(digest, None)
            raise KeyInvalid
        self._remember(digest, key)
        return key

    async def require(self, scope: Scope) -> ApiKey:
        """Return the caller's key.

        Raises:
            KeyInvalid: there is none, or none that is valid.
            KeyUnverifiable: as above.
            KeyRateLimited: as below.
        """
        key = await self.identify(scope)
        if key is None:
            raise KeyInvalid
        await self.count(key)
        return key

    async def trusts(self, scope: Scope) -> bool:
        """Tell whether a request comes with a valid key, so that its own trace may go on here."""
        try:
            return await self.identify(scope) is not None
        except (KeyInvalid, KeyUnverifiable):
            return False

    async def count(self, key: ApiKey) -> None:
        """Count one request of the key against its own limit, over all replicas.

        Raises:
            KeyRateLimited: it has made all that it may make in this minute.
        """
        noted_lately = key.last_used is not None and time.time() - key.last_used < _NOTED_SECONDS
        if key.limits.requests_per_minute is None and noted_lately:
            return
        try:
            counted = await self._ledger.call("key", lambda ledger: ledger.keys.count_request(key))
        except LedgerAway:
            return
        if counted.retry_at is not None:
            raise KeyRateLimited(max(1, ceil(counted.retry_at - time.time())))

    def _remember(self, digest: str, key: ApiKey) -> None:
        self._good[digest] = key, time.monotonic()
        self._good.move_to_end(digest)
        if len(self._good) > _MOST_REMEMBERED:
            self._good.popitem(last=False)

    def _remembered(self, digest: str) -> ApiKey:
        key, seen = self._good.get(digest, (None, 0.0))
        if key is None or time.monotonic() - seen > _REMEMBERED_SECONDS:
            raise KeyUnverifiable
        return key
