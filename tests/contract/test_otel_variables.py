"""OpenTelemetry's variables: the SDK's, the documents' and the compose file's agree."""

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


def of_the_sdk() -> set[str]:
    """Return the variables for traces that the SDK names."""
    named = {name for name in vars(environment_variables) if name.startswith("OTEL_")}
    return {name for name in named if not OTHER_SIGNALS.search(name)} | {OTEL_PROPAGATORS, OTEL_TRACES_EXPORTER}


def test_every_variable_is_listed() -> None:
    """Each variable of the SDK takes effect or has a reason why not; none is listed that the SDK does not have."""
    assert of_the_sdk() == set(VARIABLES) | set(WITHOUT_EFFECT)
    assert set(VARIABLES) & set(WITHOUT_EFFECT) == set()
    assert set(DEFAULTS) <= set(VARIABLES)


@pytest.mark.parametrize("service", ["mail-api", "mail-exporter"])
def test_compose_passes_every_variable(service: str) -> None:
    """What is listed as taking effect reaches the services, and nothing that does not."""
    services = yaml.safe_load((ROOT / "docker-compose.mail.prod.yml").read_text())["services"]
    assert {name for name in services[service]["environment"] if name.startswith("OTEL_")} == set(VARIABLES)


def test_variables_without_effect_are_documented() -> None:
    """Who looks for a variable that has no effect finds that in the documents."""
    page = (ROOT / "docs/environment-variables.md").read_text()
    assert [name for name in WITHOUT_EFFECT if f"| `{name}` |" not in page] == []
