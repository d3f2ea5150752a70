"""What the API tells about itself: its own metrics, those of HTTP, spans, and the port that serves /metrics."""

import os
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.trace import Span, Tracer, TracerProvider
from prometheus_client import CollectorRegistry, make_asgi_app
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mail_api.codes import RESULTS
from mail_api.exemplars import current_exemplar
from mail_api.http_metrics import Endpoint, http_metrics
from mail_api.trace_edge import TraceEdge, Trusts, trust_nobody
from mail_telemetry import names
from mail_telemetry.masking import mask_text
from mail_telemetry.metrics import counter, gauge, histogram
from mail_telemetry.sending import Sender

_QUIET_PATH: Final = "/(?:health|ready)$"  # asked every few seconds by machines

# FastAPI's own telemetry wakes up when anything sets a global provider; `instrument` is the one source of spans.
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


def instrument(
    app: FastAPI,
    registry: CollectorRegistry,
    provider: TracerProvider,
    trusts: Trusts = trust_nobody,
    endpoints: Iterable[Endpoint] = (),
) -> None:
    """Add HTTP metrics and server spans to the app, both by route template.

    Args:
        app: the app, before its first request.
        registry: where the metrics are registered.
        provider: makes the spans.
        trusts: tells whose trace goes on here; for everybody else a new one begins.
        endpoints: what is counted from 0.
    """
    quiet = [f"^{_QUIET_PATH}"]
    Instrumentator(registry=registry, excluded_handlers=quiet).add(http_metrics(registry, endpoints)).instrument(app)
    # Read once, when the first app of the process is instrumented; without it the old HTTP names come.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider,
        excluded_urls=_QUIET_PATH,
        exclude_spans=["receive", "send"],
        server_request_hook=_mask_caller,
    )
    # The instrumentation stands outside of all middleware, and this has to stand outside of that.
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: TraceEdge(build(), trusts)  # type: ignore[method-assign]


def _mask_caller(span: Span, scope: dict[str, Any]) -> None:
    """Keep addresses that a caller put into the URL, or into a header as User-Agent, out of the span."""
    if scope["query_string"]:
        span.set_attribute("url.query", "REDACTED")
    for name, value in dict(getattr(span, "attributes", None) or {}).items():
        if isinstance(value, str) and "@" in value:
            span.set_attribute(name, mask_text(value))


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
