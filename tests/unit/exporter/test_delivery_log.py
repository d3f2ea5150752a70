"""Delivery log: lines for attempts and finished mails."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from mail_exporter.delivery_log import DeliveryLog
from mail_ledger import Ledger
from mail_telemetry import logging
from mail_telemetry.names import Service
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness

ARRIVED = 1795350201.0
"""Arrival of the mail in `logs`, in whole seconds."""


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Return the log output of the process."""
    stream = io.StringIO()
    logging.configure(Service.EXPORTER, stream=stream)
    yield stream
    logger.remove()


def logged(output: io.StringIO, ledger: Ledger, *lines: str, age: float = 60.0) -> list[dict[str, Any]]:
    """Return the delivery log of these lines, read at some age."""
    harness = PipelineHarness(ledger, delivery_log=DeliveryLog(lambda: ARRIVED + age))
    harness.feed(*lines)
    return delivery_lines(output)


def delivery_lines(output: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines of the delivery log, without those of the ledger's migrations."""
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    return [line for line in lines if line["logger"] == "mail_exporter.delivery_log"]


def test_attempt(output: io.StringIO, ledger: Ledger) -> None:
    """A failed attempt is logged as a warning with mail, trace, cause and reply, masked."""
    (line,) = logged(output, ledger, *logs.accepted(), logs.deferred())
    assert line.pop("time")
    assert line.pop("span_id")
    assert line == {
        "level": "warning",
        "service": "mail-exporter",
        "logger": "mail_exporter.delivery_log",
        "message": "delivery attempt ended",
        "trace_id": logs.TRACE_ID,
        "mail.queue_id": logs.QUEUE_ID,
        "mail.message_id": logs.API_ID,
        "mail.entry": "api",
        "mail.size": 700,
        "mail.recipient_count": 1,
        "mail.recipient": "a***@x.example",
        "mail.recipient_domain": "x.example",
        "mail.attempt": 1,
        "mail.status": "deferred",
        "mail.dsn": "4.7.8",
        "mail.cause": "auth",
        "error.type": "auth",
        "mail.reply": "SASL authentication failed; server smtp.gmail.com[1.2.3.4] said: 535-5.7.8 Username and "
        "Password not accepted for a***@x.example",
        "server.address": "smtp.gmail.com",
        "server.port": 587,
        "mail.ended": "2026-11-22T12:23:22.111+00:00",
        "duration_seconds": 0.4,
        "mail.stage_seconds": {
            "before_queue_manager": 0.1,
            "queue_manager": 0.1,
            "connection_setup": 0.2,
            "transmission": 0,
        },
    }


def test_attempts_and_end_in_one_trace(output: io.StringIO, ledger: Ledger) -> None:
    """Each attempt and the finished mail have a line in one trace, each with the id of its span."""
    lines = [*logs.accepted(), logs.deferred(), logs.active(), logs.sent(delay="30"), logs.removed()]
    harness = PipelineHarness(ledger, delivery_log=DeliveryLog(lambda: ARRIVED))
    harness.feed(*lines)
    found = delivery_lines(output)
    assert [(line["level"], line["message"]) for line in found] == [
        ("warning", "delivery attempt ended"),
        ("info", "delivery attempt ended"),
        ("info", "mail left the queue"),
    ]
    spans = [span for span in harness.spans if span.name in {"postfix deliver", "postfix finish"}]
    assert [line["span_id"] for line in found] == [f"{span.context.span_id:016x}" for span in spans if span.context]
    assert {line["trace_id"] for line in found} == {logs.TRACE_ID}
    assert (found[-1]["mail.outcome"], found[-1]["mail.attempts"], found[-1]["duration_seconds"]) == ("sent", 2, 30)


def test_expired_mail_is_a_warning(output: io.StringIO, ledger: Ledger) -> None:
    """A mail that left the queue undelivered is a warning."""
    *_, line = logged(output, ledger, *logs.accepted(), logs.deferred(), logs.expired(), logs.removed())
    assert (line["level"], line["mail.outcome"], line["error.type"]) == ("warning", "expired", "expired")


def test_old_events_are_not_logged(output: io.StringIO, ledger: Ledger) -> None:
    """Events that are older than an hour are counted in one line."""
    (line,) = logged(output, ledger, *logs.accepted(), logs.deferred(), logs.active(), logs.sent(), age=7200)
    assert line["message"] == "did not log 2 attempts and finished mails older than 1 h"
