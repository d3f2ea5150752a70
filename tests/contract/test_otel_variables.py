"""OpenTelemetry variables: SDK, docs and compose file agree."""

import re
from pathlib import Path

import pytest
import yaml
from opentelemetry.environment_variables import OTEL_PROPAGATORS, OTEL_TRACES_EXPORTER
from opentelemetry.sdk import environment_variables

from mail_telemetry.otel_variables import DEFAULTS, VARIABLES, WITHOUT_EFFECT

ROOT = Path(__file__).resolve().parents[2]
OTHER_SIGNALS = re.compile(r"_METRICS?_|_LOGS?_(?!LEVEL)|_BLRP_|_LOGRECORD_|_ZIPKIN_|_PROMETHEUS_|_PYTHON_")
"""Variables of metrics, logs and other exporters, and those of Python's automatic instrumentation."""


def sdk_variables() -> set[str]:
    """Return the SDK's variables for traces."""
    named = {name for name in vars(environment_variables) if name.startswith("OTEL_")}
    return {name for name in named if not OTHER_SIGNALS.search(name)} | {OTEL_PROPAGATORS, OTEL_TRACES_EXPORTER}


def test_every_variable_is_listed() -> None:
    """Each variable of the SDK takes effect or has a reason why not; no other variable is listed."""
    assert sdk_variables() == set(VARIABLES) | set(WITHOUT_EFFECT)
    assert set(VARIABLES) & set(WITHOUT_EFFECT) == set()
    assert set(DEFAULTS) <= set(VARIABLES)


@pytest.mark.parametrize("service", ["mail-api", "mail-exporter"])
def test_compose_passes_every_variable(service: str) -> None:
    """The compose file passes exactly the variables that take effect."""
    services = yaml.safe_load((ROOT / "docker-compose.mail.prod.yml").read_text())["services"]
    assert {name for name in services[service]["environment"] if name.startswith("OTEL_")} == set(VARIABLES)


def test_variables_without_effect_are_documented() -> None:
    """Variables without effect are in the docs."""
    page = (ROOT / "docs/environment-variables.md").read_text()
    assert [name for name in WITHOUT_EFFECT if f"| `{name}` |" not in page] == []
