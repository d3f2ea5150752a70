"""What is read at each scrape, part by part: one that fails says so, and the others still report."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from loguru import logger
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mail_telemetry import names
from mail_telemetry.masking import mask_text

PartReader = Callable[[], Iterable[Metric]]

QUEUE: Final = "queue"
LOG: Final = "log"
LEDGER: Final = "ledger"
QUOTA: Final = "quota"
TRACES: Final = "traces"
VOLUMES: Final = "volumes"
CERTIFICATE: Final = "certificate"


def gauge(metric: names.Metric, value: float) -> GaugeMetricFamily:
    """Return a family without labels."""
    return GaugeMetricFamily(metric.name, metric.help, value)


def gauges(metric: names.Metric, values: Mapping[str, float]) -> GaugeMetricFamily:
    """Return a family with the values of its one label."""
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for label, value in values.items():
        family.add_metric([label], value)
    return family


def counter(metric: names.Metric, value: float) -> CounterMetricFamily:
    """Return a family without labels."""
    return CounterMetricFamily(metric.name, metric.help, value)


class PartsCollector(Collector):
    """Yields what every part reads, and `mail_exporter_scrape_success` for each.

    Args:
        parts: by name, a function that yields metrics, and raises when the part (or the rest of it) could not be read.
    """

    def __init__(self, parts: Mapping[str, PartReader]) -> None:
        self._parts = parts
        self._failing: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        """Read all parts."""
        success = GaugeMetricFamily(names.SCRAPE_SUCCESS.name, names.SCRAPE_SUCCESS.help, labels=["part"])
        for part, read in self._parts.items():
            try:
                yield from read()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other parts must report
                # Who keeps an error and raises it at each scrape would keep all that these scrapes held, too.
                self._failed(part, error.with_traceback(None))
                success.add_metric([part], 0)
            else:
                self._recovered(part)
                success.add_metric([part], 1)
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
