"""Spans of requests on their way to a collector: in batches, and without any cost for callers when it is away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2
import pytest
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry

from mail_api.app import create_app
from mail_api.settings import Settings
from mail_api.telemetry import watch_losses
from mail_telemetry.logging import LogOutput
from mail_telemetry.names import Service
from mail_telemetry.otel_variables import Protocol
from mail_telemetry.tracing import Tracing, start_tracing
from tests.unit.telemetry.http_collector import HttpCollector

if TYPE_CHECKING:
    import io

    from tests.unit.api.fake_postfix import FakePostfix

SENT = 40
SPANS_OF_A_MAIL = 2
DOWN = "http://127.0.0.1:1"


@dataclass
class Exported:
    """What mails cost and left, with a collector."""

    tracing: Tracing
    registry: CollectorRegistry
    statuses: set[int]

    def value(self, name: str) -> float | None:
        """Return a metric."""
        return self.registry.get_sample_value(name)


Send = Callable[..., Awaitable[Exported]]


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch, postfix: FakePostfix, log_output: io.StringIO, ledger_url: str) -> Send:
    """Send mails through an API whose spans go to an endpoint, as the process does; shut it down."""

    async def send_to(endpoint: str, **variables: str) -> Exported:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        for name, value in variables.items():
            monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
        tracing, registry = start_tracing(Service.API), CollectorRegistry()
        watch_losses(registry, tracing.export, LogOutput(log_output))
        settings = Settings.model_validate(
            {
                "mail_domain": "mydomain.test",
                "smtp_host": "127.0.0.1",
                "smtp_port": postfix.port,
                "ledger_url": ledger_url,
                "rate_limit": "off",
            }
        )
        served = create_app(settings, registry, tracing.provider)
        mail = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
        async with (
            served.app.router.lifespan_context(served.app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://api") as client,
        ):
            answers = [await client.post("/send", json=mail) for _ in range(SENT)]
        await asyncio.to_thread(tracing.shutdown)
        return Exported(tracing, registry, {answer.status_code for answer in answers})

    return send_to


async def test_batches(send: Send) -> None:
    """Server spans and the API's own leave together, in batches of the SDK's BatchSpanProcessor."""
    with HttpCollector().serving() as collector:
        done = await send(collector.endpoint)
    assert done.tracing.export is not None
    assert type(done.tracing.export.processor) is BatchSpanProcessor
    arrived = Counter(scope.scope.name for scope in collector.scopes() for _ in scope.spans)
    assert arrived == {"opentelemetry.instrumentation.fastapi": SENT, "mail_api": SENT}
    assert len(collector.requests) < SENT
    assert (done.value("mail_api_spans_total"), done.value("mail_api_spans_dropped_total")) == (
        SENT * SPANS_OF_A_MAIL,
        0,
    )


@pytest.mark.parametrize("protocol", Protocol)
async def test_collector_away(send: Send, postfix: FakePostfix, log_output: io.StringIO, protocol: Protocol) -> None:
    """Every mail is sent, every span is counted as lost, and the log has one line about it."""
    done = await send(DOWN, TIMEOUT="1.5", PROTOCOL=protocol)
    assert (done.statuses, len(postfix.mails)) == ({200}, SENT)
    for name in ("mail_api_spans_total", "mail_api_spans_dropped_total"):
        assert done.value(name) == SENT * SPANS_OF_A_MAIL
    about = [line for line in log_output.getvalue().splitlines() if "span" in line.replace("span_id", "")]
    assert len(about) == 1
    assert "Connection refused" in about[0] or "UNAVAILABLE" in about[0]
