"""What is read at each scrape, part by part: one that fails says so, and the others still report."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from loguru import logger
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mail_telemetry import names
from mail_telemetry.masking import mask_text

PartReader = Callable[[], Iterable[Metric]]

QUEUE: Final = "queue"
LOG: Final = "log"
LEDGER: Final = "ledger"


class PartsCollector(Collector):
    """Yields what every part reads, and `mail_exporter_scrape_success` for each.

    Args:
        parts: by name, a function that returns metrics or raises when the part could not be read.
    """

    def __init__(self, parts: Mapping[str, PartReader]) -> None:
        self._parts = parts
        self._failing: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        """Read all parts."""
        success = GaugeMetricFamily(names.SCRAPE_SUCCESS.name, names.SCRAPE_SUCCESS.help, labels=["part"])
        for part, read in self._parts.items():
            try:
                metrics = list(read())
            except Exception as error:  # noqa: BLE001 - whatever it is, the other parts must report
                self._failed(part, error)
                success.add_metric([part], 0)
            else:
                self._recovered(part)
                success.add_metric([part], 1)
                yield from metrics
        yield success

    def describe(self) -> Iterator[Metric]:
        """Yield one name without reading anything, so that registration needs no mail server."""
        yield GaugeMetricFamily(names.SCRAPE_SUCCESS.name, names.SCRAPE_SUCCESS.help, labels=["part"])

    def _failed(self, part: str, error: Exception) -> None:
        if part not in self._failing:
            self._failing.add(part)
            logger.warning("part can't be read: {}", mask_text(str(error)), part=part)

    def _recovered(self, part: str) -> None:
        if part in self._failing:
            self._failing.discard(part)
            logger.info("part is read again", part=part)
