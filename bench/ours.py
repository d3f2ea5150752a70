"""Reads a log as `mail-exporter run` does, but without a ledger and only to the log's end.

The one place in the benchmark that knows the exporter's inside. With the ledger, and with spans, the benchmark
runs the command itself.
"""

import sys
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.source import LogFollower
from mail_exporter.tracing import SpanFactory
from mail_ledger import Ledger
from mail_telemetry import tracing
from mail_telemetry.names import Service


class _Nowhere(Ledger):
    """A ledger that keeps nothing."""

    def __init__(self) -> None:
        """Open nothing."""

    def open_mails(self) -> dict[str, dict[str, Any]]:
        """Remember no mail."""
        return {}

    def checkpoint(self, **_: object) -> None:
        """Store nothing."""


def drive(log: Path) -> str:
    """Say `ready`, wait for a line on standard input, take the whole log in and return the exposition."""
    registry = CollectorRegistry()
    pipeline = Pipeline(
        log=str(log),
        ledger=_Nowhere(),
        metrics=LogMetrics(registry),
        span_factory=SpanFactory(tracing.resource(Service.SERVER)),
        span_processor=None,
    )
    print("ready", flush=True)
    sys.stdin.readline()
    with LogFollower(log, None) as source:
        while (batch := source.read()) is not None:
            pipeline.process(batch)
    return generate_latest(registry).decode()


if __name__ == "__main__":
    print(drive(Path(sys.argv[1])))
