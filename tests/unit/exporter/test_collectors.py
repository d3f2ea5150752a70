"""Collectors that are read at each scrape."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from mail_exporter.collectors import ScrapeCollector, gauge
from mail_telemetry.metrics import exporter


def failing() -> Iterator[Metric]:
    """Yield one metric and then fail."""
    yield gauge(exporter.OPEN_MAILS, 3)
    raise OSError("anna@x.example is not there")


def test_one_part_fails() -> None:
    """A collector that fails reports 0, its earlier metrics are kept, and the others still report."""
    registry = CollectorRegistry()
    registry.register(ScrapeCollector({"bad": failing, "good": lambda: [gauge(exporter.LOG_POSITION_BYTES, 7)]}))
    assert registry.get_sample_value("mail_exporter_scrape_success", {"part": "bad"}) == 0
    assert registry.get_sample_value("mail_exporter_scrape_success", {"part": "good"}) == 1
    assert registry.get_sample_value("mail_exporter_open_mails") == 3
    assert registry.get_sample_value("mail_exporter_log_position_bytes") == 7


def test_kept_error_holds_nothing() -> None:
    """A collector that raises a cached error at each scrape keeps no stack frames in memory."""
    error = OSError("still not there")

    def kept() -> Iterator[Metric]:
        raise error
        yield

    registry = CollectorRegistry()
    registry.register(ScrapeCollector({"bad": kept}))
    assert registry.get_sample_value("mail_exporter_scrape_success", {"part": "bad"}) == 0
    assert error.__traceback__ is None
