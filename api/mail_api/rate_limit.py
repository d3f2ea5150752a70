"""Rate limit per client address, by the `limits` library."""

import time
from collections.abc import Callable
from math import ceil
from typing import Final

import limits
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from loguru import logger

from mail_api.errors import RateLimited
from mail_api.settings import MEMORY, OFF

_REDIS: Final[dict[str, float | str | bool]] = {
    "implementation": "redispy",
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
}
_PREFIX: Final = "send"
_PAUSE_SECONDS: Final = 10.0
"""How long the shared storage is not used after a failure, so that its timeout does not delay each request."""


class RateLimiter:
    """Counts requests per client address; in this process's memory while the shared storage fails.

    Args:
        rates: RATE_LIMIT.
        storage: RATE_LIMIT_STORAGE.
        clock: seconds that only increase.
    """

    def __init__(self, rates: str, storage: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = [] if rates == OFF else limits.parse_many(rates)
        self._memory = _limiter(MEMORY)
        self._limiter = self._memory if storage == MEMORY else _limiter(storage)
        self._storage_failed = False
        self._clock = clock
        self._paused_until = float("-inf")

    @property
    def is_on(self) -> bool:
        """Whether there is a limit."""
        return bool(self._limits)

    async def check(self, client: str) -> None:
        """Count a request of the client.

        Raises:
            RateLimited: it has used up a window.
        """
        if self._clock() < self._paused_until:
            await self._count(self._memory, client)
            return
        try:
            await self._count(self._limiter, client)
        except StorageError as problem:
            self._paused_until = self._clock() + _PAUSE_SECONDS
            self._log_change(failed=True, reason=type(problem.storage_error).__name__)
            await self._count(self._memory, client)
        else:
            self._log_change(failed=False)

    async def _count(self, limiter: FixedWindowRateLimiter, client: str) -> None:
        for limit in self._limits:
            if not await limiter.hit(limit, _PREFIX, client):
                window = await limiter.get_window_stats(limit, _PREFIX, client)
                raise RateLimited(max(1, ceil(window.reset_time - time.time())))

    def _log_change(self, *, failed: bool, reason: str = "") -> None:
        if failed and not self._storage_failed:
            logger.bind(reason=reason).warning("RATE_LIMIT_STORAGE failed; counting in memory")
        elif self._storage_failed and not failed:
            logger.info("RATE_LIMIT_STORAGE recovered")
        self._storage_failed = failed


def _limiter(storage: str) -> FixedWindowRateLimiter:
    options: dict[str, float | str | bool] = {} if storage == MEMORY else _REDIS
    return FixedWindowRateLimiter(storage_from_string(f"async+{storage}", wrap_exceptions=True, **options))
