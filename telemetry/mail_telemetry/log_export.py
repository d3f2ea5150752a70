"""Log lines over OTLP, by OTEL_LOGS_EXPORTER=otlp: the lines that stand on stdout, for who does not collect those.

Off by default, as the containers' stdout is collected already. OpenTelemetry's logs for Python are still marked as
unstable (`_logs`), so this file alone touches them.
"""

from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags

from mail_telemetry import tracing
from mail_telemetry.logging import Line, add_outlet
from mail_telemetry.names import Service
from mail_telemetry.otlp import Protocol, Signal, protocol_of, variables_read
from mail_telemetry.sending import Sender

_ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
_APART: Final = frozenset({"trace_id", "span_id"})
"""Fields that a record has a place of its own for."""
_SEVERITY: Final = {
    "trace": SeverityNumber.TRACE,
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "success": SeverityNumber.INFO2,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


def export_enabled(environ: Mapping[str, str]) -> bool:
    """Tell whether lines go over OTLP too: OTEL_LOGS_EXPORTER says so, and there is an endpoint."""
    wanted = environ.get("OTEL_LOGS_EXPORTER", "").strip().lower() == "otlp"
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return wanted and not disabled and any(environ.get(name, "").strip() for name in _ENDPOINT_VARIABLES)


def start(service: Service, environ: Mapping[str, str]) -> Callable[[], None]:
    """Send every line that is logged from now on, if the environment says so; return what ends that.

    Args:
        service: whose lines they are.
        environ: the standard OTEL_* variables.

    Raises:
        SettingsInvalid: one of them can't be used.
    """
    if not export_enabled(environ):
        return lambda: None
    protocol = protocol_of(environ, Signal.LOGS)
    with variables_read():
        exporter = _exporter(protocol)
    sender = _sender(exporter)
    resource = tracing.resource(service)
    remove = add_outlet(lambda line: sender.offer(record_of(line, service, resource)))

    def stop() -> None:
        remove()
        sender.close()

    return stop


def _sender(exporter: LogRecordExporter) -> Sender[ReadableLogRecord]:
    """Return what sends records; what finds no room is dropped, since it stands on stdout."""
    return Sender(
        lambda batch: exporter.export(batch) is LogRecordExportResult.SUCCESS, exporter.shutdown, what="log lines"
    )


def _exporter(protocol: Protocol) -> LogRecordExporter:
    if protocol is Protocol.GRPC:
        from opentelemetry.exporter.otlp.proto.grpc import _log_exporter  # noqa: PLC0415 - 25 MB for who chose it

        return _log_exporter.OTLPLogExporter()
    return OTLPLogExporter()


def record_of(line: Line, service: Service, resource: Resource) -> ReadableLogRecord:
    """Return the record of a line, with the fields that it has on stdout."""
    time = round(line.time * 1e9)
    record = LogRecord(
        timestamp=time,
        observed_timestamp=time,
        trace_id=int(line.fields.get("trace_id", "0"), 16),
        span_id=int(line.fields.get("span_id", "0"), 16),
        trace_flags=TraceFlags(TraceFlags.SAMPLED if "trace_id" in line.fields else TraceFlags.DEFAULT),
        severity_text=line.level,
        severity_number=_SEVERITY.get(line.level, SeverityNumber.UNSPECIFIED),
        body=line.message,
        attributes={str(name): said for name, said in line.fields.items() if name not in _APART and said is not None},
    )
    return ReadableLogRecord(record, resource, InstrumentationScope(line.logger or service.value))
