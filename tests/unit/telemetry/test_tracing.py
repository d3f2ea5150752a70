"""When spans leave the process."""

import pytest

from mail_telemetry.tracing import export_enabled, span_processor


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, False, id="nothing set"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False, id="empty"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel-collector:4318"}, True, id="endpoint"),
        pytest.param({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://otel-collector:4318/v1/traces"}, True, id="traces"),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel-collector:4318", "OTEL_SDK_DISABLED": "True"},
            False,
            id="disabled",
        ),
    ],
)
def test_export_enabled(environ: dict[str, str], *, expected: bool) -> None:
    """Spans are exported when an endpoint is set and nobody has switched them off."""
    assert expected == export_enabled(environ)
    assert (span_processor(environ) is not None) == expected
