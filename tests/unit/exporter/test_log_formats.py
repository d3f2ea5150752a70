"""Rare formats of log lines: `tests/golden/log-lines.txt` has a line of each, with its event or the reason for none."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from mail_exporter.events import NO_EVENT, LogEvent, MailLogEvent
from mail_exporter.parse import parse

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "log-lines.txt"
NOISE = "noise: "


def golden_lines() -> Iterator[object]:
    """Yield expected event, daemon and text of each line."""
    for line in GOLDEN.read_text().splitlines():
        if line and not line.startswith("#"):
            expected, _, logged = line.partition("\t")
            daemon, _, text = logged.partition("|")
            yield pytest.param(expected, daemon, text, id=f"{daemon}: {text[:60]}")


def described(event: LogEvent | None) -> str:
    """Return the type of an event, and the values that are counted."""
    assert event is not None
    assert is_dataclass(event)
    values = [
        str(value)
        for field in fields(event)
        if isinstance(value := getattr(event, field.name), StrEnum) or field.name in ("host", "protocol", "trust")
    ]
    return " ".join([type(event).__name__, *filter(None, values)])


@pytest.mark.parametrize(("expected", "daemon", "text"), [*golden_lines()])
def test_format(expected: str, daemon: str, text: str) -> None:
    """A line of this format makes the event in the first column, or none if it is listed as noise."""
    event = parse(daemon, text)
    if expected.startswith(NOISE):
        assert expected.removeprefix(NOISE)
        assert event is NO_EVENT
    else:
        assert expected == described(event)
        assert not isinstance(event, MailLogEvent) or event.queue_id in text
