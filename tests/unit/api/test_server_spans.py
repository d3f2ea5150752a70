"""Server spans of OpenTelemetry's instrumentation for every kind of request."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, use_span

from tests.unit.api.conftest import SHARED
from tests.unit.api.fake_postfix import HANG

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix


def server_span(api: Api) -> ReadableSpan:
    """Return the one span of a request."""
    (span,) = [span for span in api.spans() if span.kind is SpanKind.SERVER]
    return span


def attributes(api: Api) -> dict[str, object]:
    """Return the attributes of the one span of a request."""
    return dict(server_span(api).attributes or {})


@SHARED
async def test_scope(shared_api: Api) -> None:
    """Server spans have the instrumentation's scope, and the only span below is the API's own."""
    await shared_api.send()
    scopes = {span.name: span.instrumentation_scope.name for span in shared_api.spans() if span.instrumentation_scope}
    assert scopes == {"POST /send": "opentelemetry.instrumentation.fastapi", "smtp submit": "mail_api"}
    assert {span.resource.attributes["service.name"] for span in shared_api.spans()} == {"mail-api"}


@SHARED
async def test_attributes(shared_api: Api) -> None:
    """Attributes have the stable names, addresses are masked, and the query is redacted."""
    await shared_api.client.post("/send?to=anna@example.org", headers={"User-Agent": "anna@example.org/1"})
    assert attributes(shared_api) == {
        "http.request.method": "POST",
        "http.response.status_code": 415,
        "http.route": "/send",
        "url.scheme": "http",
        "url.path": "/send",
        "url.query": "REDACTED",
        "network.protocol.version": "1.1",
        "user_agent.original": "a***@example.org/1",
        "client.address": "127.0.0.1",
        "client.port": 123,
        "server.address": "api",
    }
    assert server_span(shared_api).status.status_code is StatusCode.UNSET


@SHARED
@pytest.mark.parametrize(
    ("method", "path", "name", "route"),
    [
        pytest.param("GET", "/nowhere/anna@example.org", "GET", "none", id="unknown path"),
        pytest.param("PUT", "/send", "PUT /send", "/send", id="not allowed"),
        pytest.param("BREW", "/send", "HTTP /send", "/send", id="unknown method"),
        pytest.param("GET", "/messages/msg_1", "GET /messages/{message_id}", "/messages/{message_id}", id="template"),
    ],
)
async def test_names(shared_api: Api, method: str, path: str, name: str, route: str) -> None:
    """Span, log line and series have route templates and known methods only."""
    known = "OTHER" if method == "BREW" else method
    series = {"method": known, "handler": route, "status": "4xx"}
    before = shared_api.count("http_requests_total", **series)
    await shared_api.client.request(method, path)
    assert server_span(shared_api).name == name
    (line,) = shared_api.log("request answered")
    assert (line["http.request.method"], line["http.route"]) == (known, route)
    assert shared_api.count("http_requests_total", **series) == before + 1
    assert "anna@" not in server_span(shared_api).to_json() + json.dumps(line)


@SHARED
async def test_unknown_method(shared_api: Api) -> None:
    """An unknown method is recorded as the semantic conventions require."""
    await shared_api.client.request("BREW", "/send")
    found = attributes(shared_api)
    assert (found["http.request.method"], found["http.request.method_original"]) == ("_OTHER", "BREW")


async def test_server_error(api: Api, postfix: FakePostfix) -> None:
    """A 5xx makes the span an error."""
    postfix.fail("RCPT", "450 4.7.1 later")
    answer = await api.send()
    assert answer.status_code == 503
    assert (server_span(api).status.status_code, attributes(api)["error.type"]) == (StatusCode.ERROR, "503")


@SHARED
async def test_unexpected_error(shared_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is answered 500 in span, log line and metric, and addresses in its text are masked."""

    async def fail(*_: object) -> None:
        raise RuntimeError("anna@example.org is too much")

    monkeypatch.setattr("mail_api.dependencies.read_body", fail)
    series = {"method": "POST", "handler": "/send", "status": "5xx"}
    before = shared_api.count("http_requests_total", **series)
    answer = await shared_api.send()
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    span = server_span(shared_api)
    assert (span.status.status_code, attributes(shared_api)["error.type"]) == (StatusCode.ERROR, "500")
    (event,) = span.events
    said = dict(event.attributes or {})
    assert said["exception.message"] == "a***@example.org is too much"
    assert "test_server_spans.py:" in str(said["exception.stacktrace"])
    assert shared_api.count("http_requests_total", **series) == before + 1
    assert "anna@" not in span.to_json() + shared_api.output.getvalue()


async def test_cancelled_request(api: Api, postfix: FakePostfix) -> None:
    """A cancelled request, as at the end of a shutdown, has an error span."""
    postfix.fail("CONTENT", HANG)
    request = asyncio.create_task(api.send())
    await postfix.wait_for("CONTENT")
    request.cancel()
    await asyncio.wait([request])
    assert server_span(api).status.status_code is StatusCode.ERROR
    assert attributes(api)["error.type"] == "CancelledError"


@SHARED
async def test_pipelined_request(shared_api: Api) -> None:
    """A pipelined request, which uvicorn begins in the context of the one before, has its own trace."""
    other = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0)))
    with use_span(other):
        await shared_api.client.get("/nowhere")
    assert server_span(shared_api).parent is None
    assert server_span(shared_api).kind is SpanKind.SERVER


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_excluded(api: Api, path: str) -> None:
    """Health checks have no span, no log line and no series."""
    await api.client.get(path)
    assert (api.spans(), api.log("request answered")) == ([], [])
    assert api.metric("http_requests_total", method="GET", handler=path, status="2xx") is None


@SHARED
@pytest.mark.parametrize("host", ["api/health", "x/health?", "x/ready#", "http://x/health"])
async def test_forged_host(shared_api: Api, host: str) -> None:
    """A Host header that looks like the path of a health check does not exclude a request."""
    await shared_api.send({"Host": host})
    assert server_span(shared_api).name == "POST /send"


@SHARED
@pytest.mark.parametrize("path", ["/health/x", "/x/health", "/healthy"])
async def test_path_like_health(shared_api: Api, path: str) -> None:
    """Only the paths of health checks are excluded."""
    await shared_api.client.get(path)
    assert server_span(shared_api).name == "GET"


@SHARED
@pytest.mark.parametrize("value", [b"\xff", b"\xe9t\xe9", b"\xff\\", b"\xff\\x", b"\xff\\N{x}", b"["], ids=repr)
@pytest.mark.parametrize("name", ["User-Agent", "Host", "traceparent", "baggage"])
async def test_undecodable_header(shared_api: Api, name: str, value: bytes) -> None:
    """Header bytes that are not UTF-8 or no host cause no error, and the request has a span."""
    answer = await shared_api.client.get("/nowhere", headers={name.encode(): value})
    assert answer.status_code == 404
    assert server_span(shared_api).name == "GET"


@SHARED
async def test_undecodable_query(shared_api: Api) -> None:
    """A query that is not UTF-8 causes no error."""
    scope: dict[str, object] = {
        "type": "http", "method": "GET", "path": "/nowhere", "query_string": b"\xff\\", "headers": [],
        "scheme": "http", "http_version": "1.1", "root_path": "", "client": None, "server": ("api", 80),
    }  # fmt: skip
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await shared_api.served(scope, receive, send)  # type: ignore[arg-type]  # what uvicorn would call
    assert (sent[0]["status"], attributes(shared_api)["url.query"]) == (404, "REDACTED")


@SHARED
async def test_long_values(shared_api: Api) -> None:
    """A long value is cut in a span."""
    await shared_api.client.get(f"/{'x' * 5000}", headers={"User-Agent": "y" * 5000})
    found = attributes(shared_api)
    assert (found["url.path"], found["user_agent.original"]) == (f"/{'x' * 1023}", "y" * 1024)


@SHARED
@pytest.mark.parametrize("before", [1010, 1018, 1019, 1023])
async def test_address_across_the_cut(shared_api: Api, before: int) -> None:
    """An address at the cut is masked."""
    await shared_api.client.get("/nowhere", headers={"User-Agent": "y" * (before - 1) + " anna@example.org"})
    agent = str(attributes(shared_api)["user_agent.original"])
    assert "an" not in agent
    assert len(agent) <= 1024
