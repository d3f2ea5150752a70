"""Golden log with every kind of line, and its exposition; `tests/golden` has both."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from mail_exporter.log_line import SYSLOG_NAMES
from mail_exporter.replay import replay

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


@pytest.fixture(scope="module")
def exposition() -> str:
    """Return the exposition of the golden log."""
    registry = CollectorRegistry()
    replay([str(GOLDEN / "mail.log")], registry, relay="smtp.gmail.com", year=2026, syslog_names=SYSLOG_NAMES)
    return generate_latest(registry).decode()


def test_exposition(exposition: str) -> None:
    """The golden log has exactly the golden metrics.

    After an intended change, write new ones with SMTP_RELAY_HOST=smtp.gmail.com:
    mail-exporter replay --year 2026 --format exposition tests/golden/mail.log
    """
    assert (GOLDEN / "metrics.txt").read_text() == exposition


def test_every_family_moves(exposition: str) -> None:
    """Every metric of the log has a sample above 0."""
    families = {line.split()[2] for line in exposition.splitlines() if line.startswith("# TYPE")}
    samples = [line.rsplit(" ", 1) for line in exposition.splitlines() if not line.startswith("#")]
    moved = {name.partition("{")[0] for name, value in samples if float(value) > 0}
    assert [name for name in families if not moved & {name, f"{name}_count"}] == []
