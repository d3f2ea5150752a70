"""What is told of a request, by whoever it is answered, and of one that is not answered at all."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, use_span
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mail_api.http_metrics import HttpMetrics
from mail_api.trace_edge import TraceEdge
from mail_api.watch import Watch
from mail_telemetry import logging, tracing
from mail_telemetry.names import Service

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tests.unit.api.conftest import Api


class Watched:
    """An app that answers what its paths say, watched, and what was told of it."""

    def __init__(self, app: ASGIApp | None = None) -> None:
        self.registry = CollectorRegistry()
        self.output = io.StringIO()
        logging.configure(Service.API, stream=self.output)
        self._exporter = InMemorySpanExporter()
        tracer = tracing.tracer_provider(Service.API, SimpleSpanProcessor(self._exporter)).get_tracer("test")
        self._app = Watch(app or APP, tracer, HttpMetrics(self.registry), TraceEdge(nobody))

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's
        """Return its answer."""
        transport = httpx2.ASGITransport(self._app, raise_app_exceptions=True, client=("192.0.2.7", 4321))
        async with httpx2.AsyncClient(transport=transport, base_url="http://api:20001") as client:
            return await client.request(method, path, **options)

    def span(self) -> ReadableSpan:
        """Return the one span."""
        (span,) = self._exporter.get_finished_spans()
        return span

    def line(self) -> dict[str, Any]:
        """Return the one line of the log."""
        lines: list[dict[str, Any]] = [json.loads(line) for line in self.output.getvalue().splitlines()]
        (found,) = [line for line in lines if line["message"] == "request answered"]
        return found


async def nobody(_: Scope) -> bool:
    """Trust nobody."""
    return False


async def answer(request: Request) -> PlainTextResponse:
    """Answer with the status in the path."""
    await request.body()
    return PlainTextResponse("four", request.path_params["status"])


async def ends(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """End without an answer."""
    raise ConnectionError("anna@example.org is gone")


APP = Starlette(routes=[Route("/answers/{status:int}", answer, methods=["GET", "POST"])])


async def test_span() -> None:
    """A span says what OpenTelemetry's conventions ask for, and no more than that there was a query."""
    watched = Watched()
    await watched.ask("POST", "/answers/201?to=anna@example.org", headers={"User-Agent": "anna@example.org/1"})
    span = watched.span()
    assert (span.name, span.status.status_code) == ("POST /answers/{status:int}", StatusCode.UNSET)
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "http.route": "/answers/{status:int}",
        "url.scheme": "http",
        "url.path": "/answers/201",
        "url.query": "REDACTED",
        "network.protocol.version": "1.1",
        "user_agent.original": "a***@example.org/1",
        "client.address": "192.0.2.7",
        "server.address": "api",
        "server.port": 20001,
    }


@pytest.mark.parametrize(
    ("method", "path", "name", "route"),
    [
        pytest.param("GET", "/nowhere/anna@example.org", "GET", "none", id="nowhere"),
        pytest.param("PUT", "/answers/1", "PUT /answers/{status:int}", "/answers/{status:int}", id="not allowed"),
        pytest.param("BREW", "/answers/1", "HTTP /answers/{status:int}", "/answers/{status:int}", id="unknown method"),
    ],
)
async def test_names(method: str, path: str, name: str, route: str) -> None:
    """Span, line and series are named by templates and known methods, whatever a caller writes."""
    watched = Watched()
    await watched.ask(method, path)
    known = "OTHER" if method == "BREW" else method
    assert watched.span().name == name
    assert (watched.line()["http.request.method"], watched.line()["http.route"]) == (known, route)
    labels = {"method": known, "handler": route, "status": "4xx"}
    assert watched.registry.get_sample_value("http_requests_total", labels) == 1
    assert "anna@" not in str(watched.span().to_json()) + str(watched.line())


async def test_unknown_method() -> None:
    """The conventions have a place for a method that they do not know."""
    watched = Watched()
    await watched.ask("BREW", "/answers/1")
    attributes = dict(watched.span().attributes or {})
    assert (attributes["http.request.method"], attributes["http.request.method_original"]) == ("_OTHER", "BREW")


async def test_server_error() -> None:
    """5xx makes the span an error; 4xx is the caller's."""
    watched = Watched()
    await watched.ask("GET", "/answers/503")
    span = watched.span()
    assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.ERROR, "503")


async def test_no_answer() -> None:
    """A request that ends in an exception is told as one without an answer, and without the exception's text."""
    watched = Watched(ends)
    with pytest.raises(ConnectionError):
        await watched.ask("GET", "/")
    span = watched.span()
    assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.ERROR, "ConnectionError")
    assert watched.line()["http.response.status_code"] == 0
    assert watched.registry.get_sample_value(
        "http_requests_total", {"method": "GET", "handler": "none", "status": "5xx"}
    )
    assert "anna@" not in str(span.to_json()) + str(watched.line())


async def test_request_begun_in_another() -> None:
    """A request that the server begins in the context of the one before (pipelining) has a trace of its own."""
    watched = Watched()
    other = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0)))
    with use_span(other):
        await watched.ask("GET", "/answers/200")
    assert watched.span().parent is None


async def test_long_words() -> None:
    """Of what a caller may make as long as he likes, a span keeps the beginning."""
    watched = Watched()
    await watched.ask("GET", f"/{'x' * 5000}", headers={"User-Agent": "y" * 5000})
    attributes = dict(watched.span().attributes or {})
    assert (attributes["url.path"], attributes["user_agent.original"]) == (f"/{'x' * 255}", "y" * 256)


@pytest.mark.parametrize("before", [245, 250, 251, 255])
async def test_address_across_the_cut(before: int) -> None:
    """An address that is cut off is masked all the same."""
    watched = Watched()
    await watched.ask("GET", "/answers/200", headers={"User-Agent": "y" * (before - 1) + " anna@example.org"})
    agent = str((watched.span().attributes or {})["user_agent.original"])
    assert "an" not in agent
    assert len(agent) <= 256


async def test_sizes() -> None:
    """Requests and answers are measured by their Content-Length; one that is no number counts as nothing."""
    watched = Watched()
    await watched.ask("POST", "/answers/200", content=b"123")
    await watched.ask("POST", "/answers/200", headers={"Content-Length": "many"})
    handler = {"handler": "/answers/{status:int}"}
    found = [
        watched.registry.get_sample_value(f"http_{side}_size_bytes_{kind}", handler)
        for side in ("request", "response")
        for kind in ("count", "sum")
    ]
    assert found == [2, 3, 2, 8]


async def test_metrics_of_health(api: Api) -> None:
    """Health checks are not counted either."""
    await api.client.get("/health")
    assert api.metric("http_requests_total", method="GET", handler="/health", status="2xx") is None
