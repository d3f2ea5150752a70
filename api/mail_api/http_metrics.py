"""Metrics of HTTP requests: the instrumentator's, with exemplars in the histograms, which it does not do itself."""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_fastapi_instrumentator import metrics

from mail_api.exemplars import current_exemplar

KNOWN_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

# The instrumentator's own, so that dashboards made for it fit.
_FINE: Final = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60),
    float("inf"),
)
_COARSE: Final = (0.1, 0.5, 1, float("inf"))

_STATUSES: Final = ("2xx", "3xx", "4xx", "5xx")

Record = Callable[[metrics.Info], None]
Endpoint = tuple[str, str]
"""A method, and the template of a path."""


def http_metrics(registry: CollectorRegistry, endpoints: Iterable[Endpoint] = ()) -> Record:
    """Register the metrics, and return what counts an answered request into them; to be called once a registry.

    The series of the endpoints exist from then on, so that a rate sees the first request of its kind.
    """
    requests = Counter(
        "http_requests_total",
        "HTTP requests, by method, handler and kind of status.",
        ("method", "handler", "status"),
        registry=registry,
    )
    sizes = (
        metrics.request_size(registry=registry, should_include_method=False, should_include_status=False),
        metrics.response_size(registry=registry, should_include_method=False, should_include_status=False),
    )
    total = Histogram(
        "http_request_duration_highr_seconds",
        "Duration of HTTP requests in seconds, of all handlers, in many buckets.",
        registry=registry,
        buckets=_FINE,
    )
    by_handler = Histogram(
        "http_request_duration_seconds",
        "Duration of HTTP requests in seconds, by method and handler, in few buckets.",
        ("method", "handler"),
        registry=registry,
        buckets=_COARSE,
    )
    _make_series(requests, by_handler, endpoints)

    def record(info: metrics.Info) -> None:
        # The method is the caller's free text; as a label it must not make new series.
        info.method = known_method(info.method)
        requests.labels(info.method, info.modified_handler, info.modified_status).inc()
        for size in sizes:
            if size is not None:
                size(info)
        exemplar = current_exemplar()
        total.observe(info.modified_duration, exemplar)
        by_handler.labels(info.method, info.modified_handler).observe(info.modified_duration, exemplar)

    return record


def _make_series(requests: Counter, by_handler: Histogram, endpoints: Iterable[Endpoint]) -> None:
    for (method, handler), status in product(endpoints, _STATUSES):
        requests.labels(method, handler, status)
        by_handler.labels(method, handler)


def known_method(method: str) -> str:
    """Return the method if it is one of HTTP's common ones, else `OTHER`."""
    return method if method in KNOWN_METHODS else "OTHER"
