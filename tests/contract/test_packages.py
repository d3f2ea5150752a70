"""The required packages are installed in their image and imported by the module that uses them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pinned(image: str) -> set[str]:
    """Return the names of the packages that an image, or `dev` for the tests, installs."""
    lines = (ROOT / f"requirements/{image}.txt").read_text().splitlines()
    return {match[1].lower() for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", line))}


def imported(path: str) -> set[str]:
    """Return the modules that a file imports, with each of their parents."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {".".join(name.split(".")[: depth + 1]) for name in names for depth in range(name.count(".") + 1)}


@pytest.mark.parametrize(
    ("package", "environment", "module", "user"),
    [
        ("fastapi", "api", "fastapi", "api/mail_api/app.py"),
        ("fastapi", "api", "fastapi", "api/mail_api/send.py"),
        ("opentelemetry-sdk", "api", "opentelemetry.sdk", "telemetry/mail_telemetry/tracing.py"),
        ("opentelemetry-sdk", "exporter", "opentelemetry.sdk", "telemetry/mail_telemetry/tracing.py"),
        ("opentelemetry-sdk", "exporter", "opentelemetry.sdk", "exporter/mail_exporter/spans.py"),
        (
            "opentelemetry-instrumentation-fastapi",
            "api",
            "opentelemetry.instrumentation.fastapi",
            "api/mail_api/telemetry.py",
        ),
        (
            "prometheus-fastapi-instrumentator",
            "api",
            "prometheus_fastapi_instrumentator",
            "api/mail_api/telemetry.py",
        ),
        ("loguru", "api", "loguru", "telemetry/mail_telemetry/logging.py"),
        ("loguru", "exporter", "loguru", "telemetry/mail_telemetry/logging.py"),
        ("aiosmtplib", "api", "aiosmtplib", "api/mail_api/smtp.py"),
        ("testcontainers", "dev", "testcontainers", "tests/integration/stack.py"),
    ],
)
def test_required_package(package: str, environment: str, module: str, user: str) -> None:
    """Each package is pinned for its image, and imported by the module that uses it."""
    assert package in pinned(environment)
    assert module in imported(user)
