"""How often one client may send: fixed windows of the `limits` library, in memory or in a storage to share."""

import time
from math import ceil
from typing import Final

import limits
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from loguru import logger

from mail_api.errors import RateLimited

OFF: Final = "off"
MEMORY: Final = "memory://"
_SHARED: Final = ("redis://", "rediss://")
_REDIS: Final[dict[str, float | str | bool]] = {
    "implementation": "redispy",
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
}
_PREFIX: Final = "send"


def parse_rates(text: str) -> str:
    """Return RATE_LIMIT as it is.

    Raises:
        ValueError: it is neither `off` nor rates.
    """
    if text != OFF:
        try:
            limits.parse_many(text)
        except ValueError:
            raise ValueError("is neither rates, separated by commas, nor off") from None
    return text


def parse_storage(text: str) -> str:
    """Return RATE_LIMIT_STORAGE as it is.

    Raises:
        ValueError: it names a storage that is not built in.
    """
    if text != MEMORY and not text.startswith(_SHARED):
        raise ValueError("is neither memory:// nor a redis:// address")
    return text


class Rates:
    """Counts each client's requests; without its shared storage it goes on counting in its own memory."""

    def __init__(self, rates: str, storage: str) -> None:
        self._limits = [] if rates == OFF else limits.parse_many(rates)
        self._memory = _limiter(MEMORY)
        self._limiter = self._memory if storage == MEMORY else _limiter(storage)
        self._shared_fails = False

    async def check(self, client: str) -> None:
        """Count a request of the client.

        Raises:
            RateLimited: it has used up a window.
        """
        try:
            await self._count(self._limiter, client)
        except StorageError as problem:
            self._say(fails=True, reason=type(problem.storage_error).__name__)
            await self._count(self._memory, client)
        else:
            self._say(fails=False)

    async def _count(self, limiter: FixedWindowRateLimiter, client: str) -> None:
        for limit in self._limits:
            if not await limiter.hit(limit, _PREFIX, client):
                window = await limiter.get_window_stats(limit, _PREFIX, client)
                raise RateLimited(max(1, ceil(window.reset_time - time.time())))

    def _say(self, *, fails: bool, reason: str = "") -> None:
        if fails and not self._shared_fails:
            logger.bind(reason=reason).warning("RATE_LIMIT_STORAGE does not answer; counting in memory")
        elif self._shared_fails and not fails:
            logger.info("RATE_LIMIT_STORAGE answers again")
        self._shared_fails = fails


def _limiter(storage: str) -> FixedWindowRateLimiter:
    options: dict[str, float | str | bool] = {} if storage == MEMORY else _REDIS
    return FixedWindowRateLimiter(storage_from_string(f"async+{storage}", wrap_exceptions=True, **options))
