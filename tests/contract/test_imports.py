"""Allowed imports between the packages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {
    "api/mail_api": {"mail_api", "mail_telemetry", "mail_ledger"},
    "exporter/mail_exporter": {"mail_exporter", "mail_telemetry", "mail_ledger"},
    "check/mail_check": {"mail_check", "mail_api", "mail_exporter", "mail_telemetry"},
    "ledger/mail_ledger": {"mail_ledger", "mail_telemetry"},
    "telemetry/mail_telemetry": {"mail_telemetry"},
    "sandbox/mail_sandbox": {"mail_sandbox"},
}


def imported(folder: Path) -> Iterator[str]:
    """Yield the top-level package of every import below the folder."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_keep_apart(package: str) -> None:
    """Services never import each other, and shared packages never import a service."""
    ours = {name for name in imported(ROOT / package) if name.startswith("mail_")}
    assert ours
    assert ours <= ALLOWED[package]
