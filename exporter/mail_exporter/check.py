"""`mail-exporter check`: is what the exporter needs there, and if not, what to do about it."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mail_exporter.certificate import read_expiry
from mail_exporter.queue import read_queue
from mail_exporter.settings import Settings
from mail_exporter.source import log_files, open_log
from mail_ledger import Ledger
from mail_telemetry.otel_variables import Protocol, endpoint, grpc_address, protocol

_TIMEOUT_SECONDS: Final = 5.0
_PORTS: Final = {"http": 80, "https": 443}


class Finding(NamedTuple):
    """What was looked at, what came of it, and the fix when it is not well."""

    what: str
    problem: str | None
    fix: str


def check(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for each thing the exporter needs."""
    looks: tuple[tuple[str, Callable[[], object], str], ...] = (
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
            "Start mail-server, and join both to one internal network on which it has the name QUEUE_HOST.",
        ),
        (
            f"certificate at {settings.submission_host}:{settings.submission_port}",
            lambda: read_expiry(settings.submission_host, settings.submission_port, _TIMEOUT_SECONDS),
            "Start mail-server; its submission port must offer STARTTLS.",
        ),
        (
            f"spool {settings.spool_path}",
            lambda: os.statvfs(settings.spool_path),
            "Mount the spool's volume read-only, or do without its free bytes.",
        ),
    )
    for what, look, fix in looks:
        yield _finding(what, look, fix)
    collector = endpoint(environ)
    if collector is not None:
        yield _finding(
            f"collector at {collector}",
            lambda: _connect(collector, environ),
            "Start the collector, or unset OTEL_EXPORTER_OTLP_ENDPOINT; its port is 4318 for HTTP, 4317 for gRPC.",
        )


def _finding(what: str, look: Callable[[], object], fix: str) -> Finding:
    try:
        look()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other findings are wanted too
        return Finding(what, str(error) or type(error).__name__, fix)
    return Finding(what, None, fix)


def _read_log(settings: Settings) -> None:
    files = list(log_files(settings.mail_log_file))
    if not files:
        raise FileNotFoundError(f"neither {settings.mail_log_file} nor a rotated one is there")
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
