"""Metrics of HTTP requests, under the names of prometheus-fastapi-instrumentator, so that its dashboards fit."""

from collections.abc import Iterable
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary

from mail_api.exchange import Exchange
from mail_api.exemplars import current_exemplar

_FINE: Final = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60),
    float("inf"),
)
_COARSE: Final = (0.1, 0.5, 1, float("inf"))

_STATUSES: Final = ("2xx", "3xx", "4xx", "5xx")
_NO_ANSWER: Final = "5xx"

Endpoint = tuple[str, str]
"""A method, and the template of a path."""


class HttpMetrics:
    """Counts answered requests; to be made once a registry.

    The series of the endpoints exist from then on, so that a rate sees the first request of its kind.
    """

    def __init__(self, registry: CollectorRegistry, endpoints: Iterable[Endpoint] = ()) -> None:
        self._requests = Counter(
            "http_requests_total",
            "HTTP requests, by method, handler and kind of status.",
            ("method", "handler", "status"),
            registry=registry,
        )
        self._request_bytes = Summary(
            "http_request_size_bytes", "Content bytes of requests.", ("handler",), registry=registry
        )
        self._response_bytes = Summary(
            "http_response_size_bytes", "Content bytes of responses.", ("handler",), registry=registry
        )
        self._seconds = Histogram(
            "http_request_duration_highr_seconds",
            "Duration of HTTP requests in seconds, of all handlers, in many buckets.",
            registry=registry,
            buckets=_FINE,
        )
        self._seconds_by_handler = Histogram(
            "http_request_duration_seconds",
            "Duration of HTTP requests in seconds, by method and handler, in few buckets.",
            ("method", "handler"),
            registry=registry,
            buckets=_COARSE,
        )
        for (method, handler), status in product(endpoints, _STATUSES):
            self._requests.labels(method, handler, status)
            self._seconds_by_handler.labels(method, handler)

    def count(self, done: Exchange) -> None:
        """Count a request that is over; the current trace becomes the exemplar, if it is sampled."""
        status = f"{done.status // 100}xx" if done.status else _NO_ANSWER
        self._requests.labels(done.method, done.route, status).inc()
        self._request_bytes.labels(done.route).observe(done.request_bytes)
        self._response_bytes.labels(done.route).observe(done.response_bytes)
        exemplar = current_exemplar()
        self._seconds.observe(done.seconds, exemplar)
        self._seconds_by_handler.labels(done.method, done.route).observe(done.seconds, exemplar)
