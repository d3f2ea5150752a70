"""What a collector that is away costs the API's callers: nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from mail_api.app import create_app
from mail_api.settings import Settings
from mail_api.telemetry import watch_losses
from mail_telemetry.logging import LogOutput
from mail_telemetry.names import Service
from mail_telemetry.otel_variables import Protocol
from mail_telemetry.tracing import start_tracing

if TYPE_CHECKING:
    import io

    from tests.unit.api.fake_postfix import FakePostfix

SENT = 40
SPANS_OF_A_MAIL = 2


@pytest.mark.parametrize("protocol", Protocol)
async def test_collector_away(
    monkeypatch: pytest.MonkeyPatch, postfix: FakePostfix, log_output: io.StringIO, ledger_url: str, protocol: Protocol
) -> None:
    """Every mail is sent, every span is counted as lost, and the log has one line about it."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "1.5"}
    environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    tracing = start_tracing(Service.API)
    registry = CollectorRegistry()
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
    assert {answer.status_code for answer in answers} == {200}
    assert len(postfix.mails) == SENT
    for name in ("mail_api_spans_total", "mail_api_spans_dropped_total"):
        assert registry.get_sample_value(name) == SENT * SPANS_OF_A_MAIL
    about = [line for line in log_output.getvalue().splitlines() if "span" in line.replace("span_id", "")]
    assert len(about) == 1
    assert "Connection refused" in about[0] or "UNAVAILABLE" in about[0]
