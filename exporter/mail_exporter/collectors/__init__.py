"""Collectors: metrics that are read at each scrape. One that fails is reported, and the others still report."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from loguru import logger
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mail_telemetry.masking import mask_text
from mail_telemetry.metrics import MetricDescription, exporter

Collect = Callable[[], Iterable[Metric]]
"""Yields metrics; raises when they, or the rest of them, can't be read."""

QUEUE: Final = "queue"
LOG: Final = "log"
LEDGER: Final = "ledger"
QUOTA: Final = "quota"
TRACES: Final = "traces"
VOLUMES: Final = "volumes"
CERTIFICATE: Final = "certificate"


def gauge(metric: MetricDescription, value: float) -> GaugeMetricFamily:
    """Return a gauge without labels."""
    return GaugeMetricFamily(metric.name, metric.help, value)


def gauges(metric: MetricDescription, values: Mapping[str, float]) -> GaugeMetricFamily:
    """Return a gauge with the values of its one label."""
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for label, value in values.items():
        family.add_metric([label], value)
    return family


def counter(metric: MetricDescription, value: float) -> CounterMetricFamily:
    """Return a counter without labels."""
    return CounterMetricFamily(metric.name, metric.help, value)


class ScrapeCollector(Collector):
    """Yields the metrics of all collectors, and `mail_exporter_scrape_success` for each of them.

    Args:
        collectors: by name, which is the value of the label `part`.
    """

    def __init__(self, collectors: Mapping[str, Collect]) -> None:
        self._collectors = collectors
        self._failing: set[str] = set()

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        success = GaugeMetricFamily(exporter.SCRAPE_SUCCESS.name, exporter.SCRAPE_SUCCESS.help, labels=["part"])
        for part, collect in self._collectors.items():
            try:
                yield from collect()
            except Exception as error:  # noqa: BLE001 - after any error, the other collectors must report
                # A collector that caches its error would otherwise keep the frames of every scrape in memory.
                self._failed(part, error.with_traceback(None))
                success.add_metric([part], 0)
            else:
                self._recovered(part)
                success.add_metric([part], 1)
        yield success

    def describe(self) -> Iterator[Metric]:
        """Yield one name without reading anything, so that registration needs no mail server."""
        yield GaugeMetricFamily(exporter.SCRAPE_SUCCESS.name, exporter.SCRAPE_SUCCESS.help, labels=["part"])

    def _failed(self, part: str, error: Exception) -> None:
        if part not in self._failing:
            self._failing.add(part)
            logger.warning("collector failed: {}", mask_text(str(error)), part=part)

    def _recovered(self, part: str) -> None:
        if part in self._failing:
            self._failing.discard(part)
            logger.info("collector recovered", part=part)
