"""Mistakes in the environment, told so that they can be mended."""

import pytest

from mail_exporter.settings import Settings
from mail_telemetry.configuration import SettingsInvalid, load, load_or_stop


def test_defaults() -> None:
    """Without any variable the exporter works beside our own mail server."""
    assert load(Settings).queue_host == "mail-queue"


def test_every_mistake_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong variable is named, with an example of what would be right."""
    monkeypatch.setenv("QUEUE_PORT", "99999")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SettingsInvalid) as raised:
        load(Settings)
    assert [line.split(":")[0] for line in raised.value.lines] == ["QUEUE_PORT", "LOG_LEVEL"]
    assert raised.value.lines[0].endswith("set it like QUEUE_PORT=9025")


def test_empty_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as a compose file may leave it, takes the default."""
    monkeypatch.setenv("QUEUE_PORT", "")
    assert load(Settings).queue_port == 9025


def test_stop(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A service with a mistake ends with status 2 and the lines on stderr, without a traceback."""
    monkeypatch.setenv("QUEUE_PORT", "x")
    with pytest.raises(SystemExit) as raised:
        load_or_stop(Settings)
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("QUEUE_PORT: ")
