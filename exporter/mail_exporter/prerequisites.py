"""`mail-exporter check`: check the log, ledger, queue, certificate, spool and collector that the exporter needs."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mail_exporter.collectors.certificate import read_expiry
from mail_exporter.collectors.queue import read_queue
from mail_exporter.log_tail import log_files, open_log
from mail_exporter.settings import Settings
from mail_ledger import Ledger
from mail_telemetry.otel_variables import Protocol, endpoint, grpc_address, protocol

_TIMEOUT_SECONDS: Final = 5.0
_PORTS: Final = {"http": 80, "https": 443}


class Prerequisite(NamedTuple):
    """The result of one check."""

    name: str
    problem: str | None
    """None when the check passed."""
    fix: str


def check_prerequisites(settings: Settings, environ: Mapping[str, str]) -> Iterator[Prerequisite]:
    """Yield a result for each thing that the exporter needs."""
    checks: tuple[tuple[str, Callable[[], object], str], ...] = (
        (
            f"log {settings.mail_log_file}",
            partial(_read_log, settings),
            "Set MAIL_LOG_FILE to Postfix's maillog_file, mount its volume, let the exporter's group read it (0640).",
        ),
        (
            "ledger",
            lambda: Ledger.open(settings.ledger_url).close(),
            "Set LEDGER_URL to a database that can be written, and mount the ledger's volume for this user.",
        ),
        (
            f"queue at {settings.queue_host}:{settings.queue_port}",
            lambda: read_queue(settings.queue_host, settings.queue_port, settings.queue_timeout_seconds),
            "Start mail-server, and connect both to an internal network on which mail-server has the name QUEUE_HOST.",
        ),
        (
            f"certificate at {settings.submission_host}:{settings.submission_port}",
            lambda: read_expiry(settings.submission_host, settings.submission_port, _TIMEOUT_SECONDS),
            "Start mail-server; its submission port must offer STARTTLS.",
        ),
        (
            f"spool {settings.spool_path}",
            lambda: os.statvfs(settings.spool_path),
            "Mount the spool's volume read-only; without it, its free bytes are not measured.",
        ),
    )
    for name, check, fix in checks:
        yield _result(name, check, fix)
    collector = endpoint(environ)
    if collector is not None:
        yield _result(
            f"collector at {collector}",
            lambda: _connect(collector, environ),
            "Start the collector, or unset OTEL_EXPORTER_OTLP_ENDPOINT; its port is 4318 for HTTP, 4317 for gRPC.",
        )


def _result(name: str, check: Callable[[], object], fix: str) -> Prerequisite:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - after any error, the other checks must run
        return Prerequisite(name, str(error) or type(error).__name__, fix)
    return Prerequisite(name, None, fix)


def _read_log(settings: Settings) -> None:
    files = list(log_files(settings.mail_log_file))
    if not files:
        raise FileNotFoundError(f"neither {settings.mail_log_file} nor a rotated file exists")
    for path in files:
        with open_log(path) as file:
            file.read(1)


def _connect(collector: str, environ: Mapping[str, str]) -> None:
    parts = urlsplit(collector)
    address = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
    if protocol(environ) is Protocol.GRPC:
        address = grpc_address(collector)
    with socket.create_connection(address, _TIMEOUT_SECONDS):
        pass
