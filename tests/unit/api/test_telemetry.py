"""Metrics, spans and log lines of the API, and no private data in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families

from mail_api.error_codes import RESULTS
from mail_api.telemetry import metrics_app
from tests.unit.api.conftest import SHARED

if TYPE_CHECKING:
    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix


def span_of(api: Api, name: str) -> ReadableSpan:
    """Return the only span with this name."""
    (found,) = [span for span in api.spans() if span.name == name]
    return found


def context_of(span: ReadableSpan) -> SpanContext:
    """Return the span's ids."""
    context = span.get_span_context()
    assert context is not None
    return context


async def exposition(registry: CollectorRegistry, path: str = "/metrics", accept: str = "*/*") -> httpx2.Response:
    """Return the response of the metrics port."""
    transport = httpx2.ASGITransport(metrics_app(registry))
    async with httpx2.AsyncClient(transport=transport, base_url="http://metrics") as client:
        return await client.get(path, headers={"Accept": accept})


async def test_every_result_exists_from_the_start(api: Api) -> None:
    """Every result has a series before the first mail, so that a rate over results exists."""
    for result in RESULTS:
        assert api.metric("mail_api_messages_total", result=result) == 0


async def test_counted(api: Api, postfix: FakePostfix) -> None:
    """Each request counts once under its result; submissions are timed; the gauge equals the pool's connections."""
    await api.send()
    await api.send(subject=1)
    postfix.fail("MAIL", "drop")
    await api.send()
    assert api.metric("mail_api_messages_total", result="accepted") == 2
    assert api.metric("mail_api_messages_total", result="invalid_request") == 1
    assert api.metric("mail_api_submission_duration_seconds_count") == 2
    assert api.metric("mail_api_submission_retries_total") == 1
    assert api.metric("mail_api_smtp_connections", state="idle") == 1
    assert api.metric("mail_api_smtp_connections", state="busy") == 0


async def test_http_metrics(api: Api) -> None:
    """HTTP requests are counted by route; unknown paths and methods add no series; /health is not counted."""
    await api.send()
    await api.client.get("/health")
    await api.client.get("/anything/anna@example.org")
    await api.client.request("BREW", "/send")
    exposed = (await exposition(api.registry)).text
    assert api.metric("http_requests_total", handler="/send", method="POST", status="2xx") == 1
    assert api.metric("http_requests_total", handler="none", method="GET", status="4xx") == 1
    assert api.metric("http_requests_total", handler="/send", method="OTHER", status="4xx") == 1
    assert [word for word in ("health", "anything", "BREW") if word in exposed] == []


@pytest.mark.parametrize(("path", "status"), [("/metrics", 200), ("/metrics/", 200), ("/", 404), ("/send", 404)])
async def test_metrics_port(path: str, status: int) -> None:
    """The metrics port answers at /metrics without a redirect, and at no other path."""
    assert (await exposition(CollectorRegistry(), path)).status_code == status


@SHARED
async def test_metrics_are_not_public(shared_api: Api) -> None:
    """The API's own port has no /metrics."""
    assert (await shared_api.client.get("/metrics")).status_code == 404


async def test_exemplars(api: Api) -> None:
    """In OpenMetrics only, the buckets of a request and of its submission have the trace as exemplar."""
    await api.send()
    answer = await exposition(api.registry, accept="application/openmetrics-text")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = openmetrics_families(answer.text)  # type: ignore[no-untyped-call]  # published without types
    exemplars = {
        family.name: {sample.exemplar.labels["trace_id"] for sample in family.samples if sample.exemplar}
        for family in families
    }
    trace_id = f"{context_of(span_of(api, 'smtp submit')).trace_id:032x}"
    assert {name: ids for name, ids in exemplars.items() if ids} == {
        "http_request_duration_highr_seconds": {trace_id},
        "http_request_duration_seconds": {trace_id},
        "mail_api_submission_duration_seconds": {trace_id},
    }
    assert trace_id not in (await exposition(api.registry)).text


@SHARED
async def test_spans(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """Below the request's span is the SMTP client span, whose id is sent to Postfix."""
    response = await shared_api.send()
    server, submit = span_of(shared_api, "POST /send"), span_of(shared_api, "smtp submit")
    assert (server.kind, submit.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert submit.parent is not None
    assert submit.parent.span_id == context_of(server).span_id
    expected = f"00-{context_of(server).trace_id:032x}-{context_of(submit).span_id:016x}-"
    assert (shared_postfix.mails[0].trace or "").startswith(expected)
    assert dict(submit.attributes or {}) == {
        "mail.message_id": response.json()["id"],
        "mail.queue_id": "4jXSsP52xGz0",
        "mail.recipient_count": 1,
        "mail.recipient_domain": "mydomain.test",
        "mail.size": len(shared_postfix.mails[0].content),
        "server.address": "127.0.0.1",
        "server.port": shared_postfix.port,
    }


@SHARED
async def test_failed_span(shared_api: Api, shared_postfix: FakePostfix) -> None:
    """The span of a rejected mail has an error type of our vocabulary, without the reply's text."""
    shared_postfix.fail("RCPT", "550 5.1.1 <hello@mydomain.test> unknown")
    await shared_api.send()
    span = span_of(shared_api, "smtp submit")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "recipient_refused"
    assert not span.events


@SHARED
async def test_stable_http_names(shared_api: Api) -> None:
    """HTTP spans use the stable names, and a request has one server span."""
    await shared_api.send(subject=1)
    (span,) = shared_api.spans()
    attributes = dict(span.attributes or {})
    assert (attributes["http.request.method"], attributes["http.route"]) == ("POST", "/send")
    assert attributes["http.response.status_code"] == 400


@SHARED
async def test_health_leaves_no_trace(shared_api: Api) -> None:
    """Health checks are neither logged nor traced."""
    await shared_api.client.get("/health")
    assert (shared_api.spans(), shared_api.log("request answered")) == ([], [])


@SHARED
async def test_log_line(shared_api: Api) -> None:
    """A send request has one log line with mail, request and trace, without full addresses."""
    response = await shared_api.send(from_="visitor@example.com")
    (mail,) = shared_api.log("mail accepted")
    assert shared_api.log("request answered") == []
    assert mail["mail.message_id"] == response.json()["id"]
    assert (mail["mail.queue_id"], mail["mail.result"]) == ("4jXSsP52xGz0", "accepted")
    assert mail["mail.recipient"] == "h***@mydomain.test"
    assert mail["duration_seconds"] > 0
    assert mail["http.request.method"] == "POST"
    assert (mail["http.route"], mail["http.response.status_code"]) == ("/send", 200)
    assert mail["trace_id"] == f"{context_of(span_of(shared_api, 'smtp submit')).trace_id:032x}"


@SHARED
async def test_preflight_log(shared_api: Api) -> None:
    """A request that is answered before routing, such as a preflight, is logged with its route."""
    headers = {"Origin": "https://mydomain.test", "Access-Control-Request-Method": "POST"}
    await shared_api.client.options("/send", headers=headers)
    assert [line["http.route"] for line in shared_api.log("request answered")] == ["/send"]


async def test_privacy(api: Api, postfix: FakePostfix) -> None:
    """No address, body or query is in any log line, span or metric, whatever the outcome."""
    secrets = ["hello@", "visitor@", "stranger@", "noreply@", "anna@", "TheBody"]
    await api.send(from_="visitor@example.com", body="TheBody")
    await api.send(to="stranger@example.com", body="TheBody")
    postfix.fail("RCPT", "550 5.1.1 <hello@mydomain.test>: rejected", "451 4.3.0 <hello@mydomain.test>: later")
    await api.send()
    await api.send()
    postfix.fail("MAIL", "550 5.1.8 <noreply@mydomain.test>: no")
    await api.send()
    await api.client.get(
        "/unsubscribe/anna@example.org?to=anna@example.org", headers={"User-Agent": "anna@example.org"}
    )
    spans = [json.loads(span.to_json()) for span in api.spans()]
    everything = api.output.getvalue() + json.dumps(spans) + (await exposition(api.registry)).text
    assert [secret for secret in secrets if secret in everything] == []
