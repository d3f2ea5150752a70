"""Whose trace goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from mail_api.http_metrics import HttpMetrics
from mail_api.observability import NO_SECOND_SPANS
from mail_api.trace_edge import TraceEdge
from mail_api.watch import Watch
from mail_telemetry import tracing
from mail_telemetry.names import Service
from mail_telemetry.propagation import parse_traceparent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from starlette.types import Scope

    from tests.unit.api.conftest import Api
    from tests.unit.api.fake_postfix import FakePostfix

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"


async def with_key(scope: Scope) -> bool:
    """Trust whoever sends a key."""
    return any(name == b"x-api-key" for name, _ in scope["headers"])


def nothing() -> None:
    """Answer nothing."""


async def request(flags: str, **headers: str) -> list[ReadableSpan]:
    """Return the spans that a request with a traceparent makes of an app that trusts keys."""
    exporter = InMemorySpanExporter()
    app = FastAPI(telemetry=NO_SECOND_SPANS)
    app.add_api_route("/", nothing)
    provider = tracing.tracer_provider(Service.API, SimpleSpanProcessor(exporter))
    watched = Watch(app, provider.get_tracer("test"), HttpMetrics(CollectorRegistry()), TraceEdge(with_key))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(watched), base_url="http://api") as client:
        await client.get("/", headers={"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-{flags}", **headers})
    return list(exporter.get_finished_spans())


@pytest.mark.parametrize("flags", ["01", "03"], ids=["sampled", "sampled and random"])
async def test_known_caller(flags: str) -> None:
    """The trace of a caller that is known goes on."""
    (span,) = await request(flags, **{"x-api-key": "k"})
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE_ID, SPAN_ID)


@pytest.mark.parametrize("flags", ["00", "02"], ids=["not sampled", "random and not sampled"])
async def test_known_caller_that_does_not_sample(flags: str) -> None:
    """A caller that is known may leave no trace."""
    assert await request(flags, **{"x-api-key": "k"}) == []


@pytest.mark.parametrize("flags", ["00", "01", "03"])
async def test_stranger(flags: str) -> None:
    """A stranger's request begins a trace of its own, whatever it says."""
    (span,) = await request(flags)
    assert span.parent is None
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" != TRACE_ID


async def test_strangers_mail(api: Api, postfix: FakePostfix) -> None:
    """A mail of a caller without a key is traced, in a trace of ours, even if its request asks for none."""
    await api.send({"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00", "tracestate": "a=b"})
    found = parse_traceparent(postfix.mails[0].trace or "")
    assert found is not None
    assert found.trace_flags.sampled
    assert f"{found.trace_id:032x}" != TRACE_ID
    assert {span.context.trace_id for span in api.spans() if span.context} == {found.trace_id}
