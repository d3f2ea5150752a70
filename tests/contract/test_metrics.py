"""The described metrics are the exposed metrics."""

from collections.abc import Iterator
from io import StringIO

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family

from mail_api.smtp import Pool
from mail_api.telemetry import Telemetry, watch_losses
from mail_exporter import collectors
from mail_exporter.collectors import ScrapeCollector
from mail_exporter.collectors.certificate import certificate_metrics
from mail_exporter.collectors.queue import queue_metrics
from mail_exporter.log_tail import LogTail
from mail_exporter.read_loop import ReadLoop
from mail_exporter.run import make_collectors, make_pipeline
from mail_exporter.settings import Settings as ExporterSettings
from mail_ledger import Ledger
from mail_ledger.api_keys import ApiKeys
from mail_ledger.engine import open_engine
from mail_ledger.key_limits import KeyLimits
from mail_telemetry.logging import LogOutput
from mail_telemetry.metrics import MetricDescription
from mail_telemetry.names import Service
from mail_telemetry.tracing import SpanExport, Tracing, tracer_provider
from tests.contract.series import METRICS


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Family]]:
    """Return all metric families of the two services, by name."""
    registry = CollectorRegistry()
    Telemetry(registry, NoOpTracer(), {"/forms/contact": "contact"}).watch_connections(Pool("mail-server", 25, 1))
    log = tmp_path_factory.mktemp("log") / "mail.log"
    settings = ExporterSettings.model_validate({"mail_log_file": log, "smtp_relay_host": "smtp.gmail.com"})
    engine = open_engine("sqlite://")
    ledger = Ledger(engine)
    ApiKeys(engine).create("web", limits=KeyLimits(100))
    export = SpanExport(InMemorySpanExporter())
    tracing = Tracing(tracer_provider(Service.API, export.processor), export)
    watch_losses(registry, export, LogOutput(StringIO()))
    loop = ReadLoop(
        LogTail(settings.mail_log_file, None), make_pipeline(settings, registry, ledger, None), lambda _: True
    )
    readers = make_collectors(settings, loop, ledger, export)
    readers[collectors.QUEUE] = lambda: queue_metrics([], 0.0)
    readers[collectors.CERTIFICATE] = lambda: certificate_metrics(1.0)
    registry.register(ScrapeCollector(readers))
    yield {family.name: family for family in registry.collect()}
    tracing.shutdown()
    ledger.close()


def described() -> Iterator[tuple[str, str, str]]:
    """Yield name, type and help of every described metric."""
    return ((metric.name, metric.kind, metric.help) for metric in METRICS)


def test_described_is_exposed(families: dict[str, Family]) -> None:
    """Name, type and help are the same in the descriptions and in the exposition."""
    assert set(described()) == {(family.name, family.type, family.documentation) for family in families.values()}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_labels(families: dict[str, Family], metric: MetricDescription) -> None:
    """A metric has exactly the described labels."""
    labels = {name for sample in families[metric.name].samples for name in sample.labels}
    assert labels - {"le"} == set(metric.labels)


def test_names_follow_the_rules() -> None:
    """Names use base units, only the exposition adds `total`, and help texts are sentences."""
    for metric in METRICS:
        assert not metric.name.endswith(("_total", "_ms", "_milliseconds", "_count", "_sum"))
        assert metric.help.endswith(".")
        assert bool(metric.buckets) == (metric.kind == "histogram")
