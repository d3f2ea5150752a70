"""Log lines over OTLP."""

import io
from collections.abc import Iterator

import pytest
from loguru import logger
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord

from mail_telemetry import logging, tracing
from mail_telemetry.log_export import export_enabled, record_of, start
from mail_telemetry.names import LogLine, Service
from mail_telemetry.otlp import Protocol
from tests.unit.telemetry.grpc_collector import GrpcCollector

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def records() -> Iterator[list[ReadableLogRecord]]:
    """The records of what is logged."""
    logging.configure(Service.EXPORTER, stream=io.StringIO())
    resource = tracing.resource(Service.EXPORTER)
    made: list[ReadableLogRecord] = []
    remove = logging.add_outlet(lambda line: made.append(record_of(line, Service.EXPORTER, resource)))
    yield made
    remove()
    logger.remove()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param(COLLECTOR, False, id="off by default"),
        pytest.param(COLLECTOR | {"OTEL_LOGS_EXPORTER": "otlp"}, True, id="wanted"),
        pytest.param({"OTEL_LOGS_EXPORTER": "otlp"}, False, id="no endpoint"),
        pytest.param(COLLECTOR | {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, False, id="disabled"),
    ],
)
def test_export_enabled(environ: dict[str, str], *, expected: bool) -> None:
    """Lines go over OTLP only where somebody asked for it and said where to."""
    assert expected == export_enabled(environ)


def test_record(records: list[ReadableLogRecord]) -> None:
    """A record has the line's message, level, ids and fields, nested ones too, and can be sent."""
    fields = {"trace_id": TRACE_ID, "span_id": "1" * 16, "mail.stage_seconds": {"transmission": 0.5}}
    logger.bind(**fields).warning(LogLine.ATTEMPT)
    (request,) = encode_logs(records).resource_logs
    (scope,) = request.scope_logs
    (record,) = scope.log_records
    assert scope.scope.name == __name__
    assert (record.body.string_value, record.severity_text) == ("delivery attempt ended", "warning")
    assert (record.trace_id.hex(), record.span_id.hex()) == (TRACE_ID, "1" * 16)
    (stages,) = record.attributes
    assert stages.key == "mail.stage_seconds"
    assert stages.value.kvlist_value.values[0].value.double_value == 0.5
    assert "mail-exporter" in {attribute.value.string_value for attribute in request.resource.attributes}


def test_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over gRPC lines arrive as they would over HTTP."""
    collector = GrpcCollector()
    logging.configure(Service.API, stream=io.StringIO())
    with collector.serving():
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        environ = {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        stop = start(Service.API, environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
        logger.info("hello")
        stop()
    logger.remove()
    (request,) = map(ExportLogsServiceRequest.FromString, collector.bodies)
    assert ["hello"] == [record.body.string_value for record in request.resource_logs[0].scope_logs[0].log_records]


@pytest.mark.parametrize("protocol", Protocol)
def test_collector_that_is_away(monkeypatch: pytest.MonkeyPatch, protocol: Protocol) -> None:
    """Lines that nobody takes hold nothing up, and are on stdout all the same; no line breeds another."""
    output = io.StringIO()
    logging.configure(Service.API, stream=output)
    environ = COLLECTOR | {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_TIMEOUT": "0.2"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    stop = start(Service.API, environ | {"OTEL_LOGS_EXPORTER": "otlp"})
    for number in range(100):
        logger.info("line {}", number)
    stop()
    logger.remove()
    lines = output.getvalue().splitlines()
    assert sum('"line ' in line for line in lines) == 100
    assert len(lines) <= 101
