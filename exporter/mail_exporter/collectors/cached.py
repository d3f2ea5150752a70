"""Cache of a collector's metrics: several scrapers, or scrapes at the same time, cause one read."""

import threading
import time
from collections.abc import Callable, Sequence

from prometheus_client.core import Metric

from mail_exporter.collectors import Collect


class CachedCollector:
    """Reads metrics at most once per period; scrapes at the same time wait for one read and share its result.

    Args:
        collect: reads the metrics.
        seconds: how long metrics are cached.
        failure_seconds: how long a failure is cached; as long as metrics by default. A failure is cached too, because
            it often takes a whole timeout.
        clock: returns seconds that never go back.
    """

    def __init__(
        self,
        collect: Collect,
        seconds: float,
        failure_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._collect = collect
        self._seconds = seconds
        self._failure_seconds = seconds if failure_seconds is None else failure_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._found: Sequence[Metric] | Exception = ()
        self._expires = float("-inf")

    def __call__(self) -> Sequence[Metric]:
        """Return the metrics.

        Raises:
            Exception: the last read raised it.
        """
        with self._lock:
            if self._clock() >= self._expires:
                self._found, seconds = self._try_collect()
                self._expires = self._clock() + seconds
            found = self._found
        if isinstance(found, Exception):
            raise found
        return found

    def _try_collect(self) -> tuple[Sequence[Metric] | Exception, float]:
        try:
            return tuple(self._collect()), self._seconds
        except Exception as error:  # noqa: BLE001 - raised by each call until it expires
            return error, self._failure_seconds
