"""The API's metrics and spans: its own, those of HTTP requests, and the app of the metrics port."""

import os
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final, Protocol

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS
from opentelemetry.semconv.attributes.url_attributes import URL_QUERY
from opentelemetry.trace import Span, Tracer, TracerProvider, get_current_span
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_asgi_app
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator import metrics as http_metrics
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mail_api.error_codes import RESULTS
from mail_telemetry.logging import LogOutput
from mail_telemetry.metrics import MetricDescription, api
from mail_telemetry.tracing import SpanCounts, SpanExport

# FastAPI's own telemetry starts when a global provider is set, and would make a second span for each request.
NO_NATIVE_TELEMETRY: Final = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)

NOT_OBSERVED: Final = frozenset({"/health", "/ready"})
"""Paths that machines ask every few seconds: no span, no metric, no log line."""
# The instrumentation searches in scheme, Host header and path: only anchors keep a forged Host from hiding a request.
_EXCLUDED_URLS: Final = rf"^https?://[^/]*({'|'.join(sorted(NOT_OBSERVED))})\Z"

_KNOWN_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

# Buckets of prometheus-fastapi-instrumentator's own histograms, so that its dashboards fit.
_FINE_BUCKETS: Final = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60),
    float("inf"),
)
_COARSE_BUCKETS: Final = (0.1, 0.5, 1, float("inf"))


class HasConnections(Protocol):
    """What the gauge of connections reads at each scrape."""

    @property
    def busy(self) -> int: ...  # noqa: D102 - a protocol of two numbers

    @property
    def idle(self) -> int: ...  # noqa: D102 - same


class Telemetry:
    """The API's own metrics, registered once, and its tracer.

    Args:
        registry: where the metrics are registered.
        tracer: makes the spans.
        forms: name of each form by its path. Only these become values of labels.
    """

    def __init__(self, registry: CollectorRegistry, tracer: Tracer, forms: Mapping[str, str] | None = None) -> None:
        self.tracer = tracer
        self._messages = _counter(api.MESSAGES, registry)
        self._form_messages = _counter(api.FORM_MESSAGES, registry)
        self._seconds = _histogram(api.SUBMISSION_SECONDS, registry)
        self._retries = _counter(api.SUBMISSION_RETRIES, registry)
        self._connections = _gauge(api.CONNECTIONS, registry)
        self._ledger_faults = _counter(api.LEDGER_FAULTS, registry)
        self._invalid_keys = _counter(api.INVALID_KEYS, registry)
        self._caught_mails = _counter(api.CAUGHT_MAILS, registry)
        self._captcha_verifications = _counter(api.CAPTCHA_VERIFICATIONS, registry)
        for outcome in api.CAUGHT_OUTCOMES:
            self._caught_mails.labels(outcome=outcome)
        for provider, result in product(api.CAPTCHA_PROVIDERS, api.CAPTCHA_RESULTS):
            self._captcha_verifications.labels(provider=provider, result=result)
        known_forms = forms or {}
        for path in (*api.PATHS_WITH_KEYS, *known_forms):
            self._invalid_keys.labels(path=path)
        for result in RESULTS:
            self._messages.labels(result=result)  # so that a rate exists before the first failure
            for form in known_forms.values():
                self._form_messages.labels(form=form, result=result)
        for operation in api.LEDGER_OPERATIONS:
            self._ledger_faults.labels(operation=operation)

    def count_message(self, result: str, form: str | None = None) -> None:
        """Count one request to send under its result, and under its form, if it has one."""
        self._messages.labels(result=result).inc()
        if form is not None:
            self._form_messages.labels(form=form, result=result).inc()

    def count_ledger_fault(self, operation: str) -> None:
        """Count something that the ledger should have done and could not."""
        self._ledger_faults.labels(operation=operation).inc()

    def count_invalid_key(self, path: str) -> None:
        """Count a request to this path with an API key that is not valid."""
        self._invalid_keys.labels(path=path).inc()

    def count_caught_mail(self, outcome: str) -> None:
        """Count a mail that the honeypot caught: kept, dropped or released."""
        self._caught_mails.labels(outcome=outcome).inc()

    def count_captcha(self, provider: str, result: str) -> None:
        """Count a verification of a captcha token."""
        self._captcha_verifications.labels(provider=provider, result=result).inc()

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


def add_server_spans(app: FastAPI, tracer_provider: TracerProvider) -> None:
    """Let OpenTelemetry's instrumentation make a span of each request, by the stable HTTP conventions.

    https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
    """
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"  # read once, when the first app is instrumented
    FastAPIInstrumentor.instrument_app(
        app,
        server_request_hook=_correct_attributes,
        tracer_provider=tracer_provider,
        meter_provider=NoOpMeterProvider(),
        excluded_urls=_EXCLUDED_URLS,
        exclude_spans=["send", "receive"],
    )


def add_http_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    """Let prometheus-fastapi-instrumentator count and measure the requests."""
    instrumentator = Instrumentator(excluded_handlers=[f"^{path}$" for path in NOT_OBSERVED], registry=registry)
    instrumentator.add(
        _group_unknown_methods,
        http_metrics.requests(registry=registry),
        http_metrics.request_size(registry=registry, should_include_method=False, should_include_status=False),
        http_metrics.response_size(registry=registry, should_include_method=False, should_include_status=False),
        _Durations(registry),
    )
    instrumentator.instrument(app)


def known_method(method: str) -> str:
    """Return the method if it is a common one, else `OTHER`: a caller must not be able to make time series."""
    return method if method in _KNOWN_METHODS else "OTHER"


def current_exemplar() -> dict[str, str] | None:
    """Return the labels of an exemplar that leads to the current trace, or None when it is not sampled."""
    context = get_current_span().get_span_context()
    return {"trace_id": f"{context.trace_id:032x}"} if context.trace_flags.sampled else None


def _correct_attributes(span: Span, scope: Scope) -> None:
    if scope["query_string"]:
        span.set_attribute(URL_QUERY, "REDACTED")
    if scope.get("server"):  # the instrumentation adds the port, which has an attribute of its own
        span.set_attribute(SERVER_ADDRESS, scope["server"][0])


def _group_unknown_methods(info: http_metrics.Info) -> None:
    """Change the method that the functions added after this one use as label."""
    info.method = known_method(info.method)


class _Durations:
    """The library's two histograms of durations, with exemplars, which its own do not have."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._of_all = Histogram(
            "http_request_duration_highr_seconds",
            "Duration of HTTP requests in seconds, of all handlers, in many buckets.",
            registry=registry,
            buckets=_FINE_BUCKETS,
        )
        self._by_handler = Histogram(
            "http_request_duration_seconds",
            "Duration of HTTP requests in seconds, by method and handler, in few buckets.",
            ("method", "handler"),
            registry=registry,
            buckets=_COARSE_BUCKETS,
        )

    def __call__(self, info: http_metrics.Info) -> None:
        exemplar = current_exemplar()
        self._of_all.observe(info.modified_duration, exemplar)
        self._by_handler.labels(info.method, info.modified_handler).observe(info.modified_duration, exemplar)


def watch_losses(registry: CollectorRegistry, export: SpanExport | None, log: LogOutput) -> None:
    """Let the counters of spans and of lost log lines be read at each scrape."""
    registry.register(_Losses(export, log))


class _Losses(Collector):
    def __init__(self, export: SpanExport | None, log: LogOutput) -> None:
        self._export = export
        self._log = log

    def collect(self) -> Iterator[Metric]:
        """Yield the counters."""
        spans = self._export.counts() if self._export else SpanCounts(0, 0)
        for metric, value in (
            (api.SPANS, spans.processed),
            (api.SPANS_DROPPED, spans.dropped),
            (api.LOG_LINES_LOST, self._log.lost_lines),
        ):
            yield CounterMetricFamily(metric.name, metric.help, value)


def metrics_app(registry: CollectorRegistry) -> ASGIApp:
    """Return the app of the metrics port: /metrics, in the format that the scraper asks for, and nothing else."""
    exposition = make_asgi_app(registry)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["path"].rstrip("/") == "/metrics"
        await (exposition if known else PlainTextResponse("See /metrics\n", 404))(scope, receive, send)

    return serve


def _counter(metric: MetricDescription, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def _gauge(metric: MetricDescription, registry: CollectorRegistry) -> Gauge:
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def _histogram(metric: MetricDescription, registry: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
