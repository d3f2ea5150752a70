"""Export of request spans to a collector: in batches, and without delay for callers during an outage."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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

pytestmark = pytest.mark.slow

SENT = 40
SPANS_OF_A_MAIL = 2
DOWN = "http://127.0.0.1:1"


@dataclass
class Exporting:
    """A running API with a collector."""

    client: httpx2.AsyncClient
    tracing: Tracing
    registry: CollectorRegistry

    def value(self, name: str) -> float | None:
        """Return a metric."""
        return self.registry.get_sample_value(name)

    async def send(self) -> set[int]:
        """Send mails; return the statuses."""
        mail = {"to": "hello@mydomain.test", "subject": "Contact", "body": "Hi"}
        return {(await self.client.post("/send", json=mail)).status_code for _ in range(SENT)}


Export = Callable[..., AbstractAsyncContextManager[Exporting]]


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch, postfix: FakePostfix, log_output: io.StringIO, ledger_url: str) -> Export:
    """Return a function that starts an API with an endpoint for spans; at the end the last ones are exported."""

    @asynccontextmanager
    async def started(endpoint: str, **variables: str) -> AsyncIterator[Exporting]:
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
        async with (
            served.app.router.lifespan_context(served.app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://api") as client,
        ):
            yield Exporting(client, tracing, registry)
        await asyncio.to_thread(tracing.shutdown)

    return started


async def test_batches(export: Export) -> None:
    """Server spans and the API's own are exported together, in batches of the SDK's BatchSpanProcessor."""
    with HttpCollector().serving() as collector:
        async with export(collector.endpoint) as api:
            await api.send()
    assert api.tracing.export is not None
    assert type(api.tracing.export.processor) is BatchSpanProcessor
    arrived = Counter(scope.scope.name for scope in collector.scopes() for _ in scope.spans)
    assert arrived == {"opentelemetry.instrumentation.fastapi": SENT, "mail_api": SENT}
    assert len(collector.requests) < SENT
    assert (api.value("mail_api_spans_total"), api.value("mail_api_spans_dropped_total")) == (
        SENT * SPANS_OF_A_MAIL,
        0,
    )


async def test_long_values_are_not_logged(export: Export, log_output: io.StringIO) -> None:
    """Values that are cut in spans add nothing to the log, so a caller cannot fill it."""
    with HttpCollector().serving() as collector:
        async with export(collector.endpoint) as api:
            await api.client.get(f"/{'x' * 5000}", headers={"User-Agent": "y" * 5000})
    lines = [json.loads(line) for line in log_output.getvalue().splitlines()]
    assert [line["message"] for line in lines if line["logger"].startswith("opentelemetry")] == []
    assert [line["message"] for line in lines] == ["request answered"]
    assert len(collector.names()) == 1


@pytest.mark.parametrize("protocol", Protocol)
async def test_collector_away(
    export: Export, postfix: FakePostfix, log_output: io.StringIO, protocol: Protocol
) -> None:
    """Without a collector every mail is sent, every span is counted as lost, and one line is logged."""
    async with export(DOWN, TIMEOUT="1.5", PROTOCOL=protocol) as api:
        statuses = await api.send()
    assert (statuses, len(postfix.mails)) == ({200}, SENT)
    for name in ("mail_api_spans_total", "mail_api_spans_dropped_total"):
        assert api.value(name) == SENT * SPANS_OF_A_MAIL
    about = [line for line in log_output.getvalue().splitlines() if "span" in line.replace("span_id", "")]
    assert len(about) == 1
    assert "Connection refused" in about[0] or "UNAVAILABLE" in about[0]
