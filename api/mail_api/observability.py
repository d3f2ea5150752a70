"""What the API tells about itself: its own metrics, its tracer, and the port that serves /metrics."""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry, make_asgi_app
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mail_api.codes import RESULTS
from mail_api.exemplars import current_exemplar
from mail_telemetry import names
from mail_telemetry.metrics import counter, gauge, histogram
from mail_telemetry.sending import Sender

# FastAPI's own telemetry wakes up when anything sets a global provider; `watch` is the one source of spans.
NO_SECOND_SPANS: Final = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)


class HasConnections(Protocol):
    """What the gauge of connections reads at each scrape."""

    @property
    def busy(self) -> int: ...  # noqa: D102 - a protocol of two numbers

    @property
    def idle(self) -> int: ...  # noqa: D102 - same


class Telemetry:
    """The API's own metrics, registered once, and its tracer."""

    def __init__(self, registry: CollectorRegistry, tracer: Tracer) -> None:
        self.tracer = tracer
        self._messages = counter(names.API_MESSAGES, registry)
        self._seconds = histogram(names.API_SUBMISSION_SECONDS, registry)
        self._retries = counter(names.API_SUBMISSION_RETRIES, registry)
        self._connections = gauge(names.API_CONNECTIONS, registry)
        self._ledger_faults = counter(names.API_LEDGER_FAULTS, registry)
        for result in RESULTS:
            self._messages.labels(result=result)  # so that a rate exists before the first failure
        for operation in names.LEDGER_OPERATIONS:
            self._ledger_faults.labels(operation=operation)

    def count_message(self, result: str) -> None:
        """Count one request to send under its result."""
        self._messages.labels(result=result).inc()

    def count_ledger_fault(self, operation: str) -> None:
        """Count something that the ledger should have done and could not."""
        self._ledger_faults.labels(operation=operation).inc()

    def count_retry(self) -> None:
        """Count one more try to reach Postfix."""
        self._retries.inc()

    def observe_submission(self, seconds: float) -> None:
        """Record how long a submission took; sampled traces become exemplars."""
        self._seconds.observe(seconds, current_exemplar())

    def watch_connections(self, pool: HasConnections) -> None:
        """Let the gauge of connections read the pool at each scrape."""
        self._connections.labels(state="busy").set_function(lambda: pool.busy)
        self._connections.labels(state="idle").set_function(lambda: pool.idle)


def watch_spans(registry: CollectorRegistry, sender: Sender[Any] | None) -> None:
    """Let the counters of spans read the sender at each scrape; without one they stay 0."""
    registry.register(_SpanCounts(sender))


class _SpanCounts(Collector):
    def __init__(self, sender: Sender[Any] | None) -> None:
        self._sender = sender

    def collect(self) -> Iterator[Metric]:
        """Yield how many spans were made, and how many of them were lost."""
        handed_on, dropped = (self._sender.handed_on, self._sender.dropped) if self._sender else (0, 0)
        for metric, value in ((names.API_SPANS, handed_on), (names.API_SPANS_DROPPED, dropped)):
            yield CounterMetricFamily(metric.name, metric.help, value)


def metrics_app(registry: CollectorRegistry) -> ASGIApp:
    """Return the app of the metrics port: /metrics, in the format that the scraper asks for, and nothing else."""
    exposition = make_asgi_app(registry)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["path"].rstrip("/") == "/metrics"
        await (exposition if known else PlainTextResponse("See /metrics\n", 404))(scope, receive, send)

    return serve
