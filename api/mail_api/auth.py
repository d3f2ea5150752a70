"""API keys: which key a request shows, whether it is valid, and its limit of requests per minute."""

import hashlib
import time
from collections import OrderedDict
from math import ceil
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from mail_api.errors import KeyInvalid, KeyRateLimited, KeyUnverifiable
from mail_api.ledger_client import LedgerClient, LedgerUnreachable
from mail_ledger.api_keys import ApiKey

_SCHEME: Final = "bearer"
_PROXY_SCHEME: Final = "basic"
"""Browsers send the login of a password-protected site to its API, too: such a request shows no API key."""
_MOST_REMEMBERED: Final = 100
_REMEMBERED_SECONDS: Final = 3600.0
_NOTED_SECONDS: Final = 60.0
_VERIFIED: Final = "api_key"
"""Where the request's state keeps its verified key: trace context, checks and answer ask for it."""


class ApiKeys:
    """Verifies `Authorization: Bearer dm_...` (RFC 6750 section 2.1).

    While the ledger is unavailable, a key that was valid within the last hour stays valid; no other key is accepted.
    """

    def __init__(self, ledger: LedgerClient) -> None:
        self._ledger = ledger
        self._known: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()

    async def identify(self, scope: Scope) -> ApiKey | None:
        """Return the key that a request shows, or None when it shows none.

        Raises:
            KeyInvalid: the header does not contain a valid key.
            KeyUnverifiable: the ledger is unavailable, and this key was not used within the last hour.
        """
        authorization = Headers(scope=scope).get("authorization")
        if authorization is None or authorization.partition(" ")[0].lower() == _PROXY_SCHEME:
            return None
        state = scope.setdefault("state", {})
        if _VERIFIED not in state:
            state[_VERIFIED] = await self._verify(authorization)
        found: ApiKey = state[_VERIFIED]
        return found

    async def shows_valid_key(self, scope: Scope) -> bool:
        """Return whether a request shows a valid key; one that cannot be verified counts as none."""
        try:
            return await self.identify(scope) is not None
        except (KeyInvalid, KeyUnverifiable):
            return False

    async def count_request(self, key: ApiKey) -> None:
        """Count one request of the key against its own limit, over all replicas.

        Raises:
            KeyRateLimited: it has reached its requests per minute.
        """
        noted_lately = key.last_used is not None and time.time() - key.last_used < _NOTED_SECONDS
        if key.limits.requests_per_minute is None and noted_lately:
            return
        try:
            counted = await self._ledger.call("key", lambda ledger: ledger.keys.count_request(key))
        except LedgerUnreachable:
            return
        if counted.retry_at is not None:
            raise KeyRateLimited(max(1, ceil(counted.retry_at - time.time())))

    async def _verify(self, authorization: str) -> ApiKey:
        scheme, _, plain = authorization.partition(" ")
        plain = plain.strip()
        if scheme.lower() != _SCHEME or not plain:
            raise KeyInvalid
        digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            key = await self._ledger.call("key", lambda ledger: ledger.keys.verify(plain))
        except LedgerUnreachable:
            return self._remembered(digest)
        if key is None:
            self._known.pop(digest, None)
            raise KeyInvalid
        self._remember(digest, key)
        return key

    def _remember(self, digest: str, key: ApiKey) -> None:
        self._known[digest] = key, time.monotonic()
        self._known.move_to_end(digest)
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)

    def _remembered(self, digest: str) -> ApiKey:
        key, seen = self._known.get(digest, (None, 0.0))
        if key is None or time.monotonic() - seen > _REMEMBERED_SECONDS:
            raise KeyUnverifiable
        return key
