"""Loading of settings: defaults, and errors for invalid variables."""

import pytest

from mail_exporter.settings import Settings
from mail_telemetry.configuration import SettingsInvalid, load, load_or_stop


def test_defaults() -> None:
    """Without variables the exporter has the defaults for the mail server of this stack."""
    assert load(Settings).queue_host == "mail-queue"


def test_every_mistake_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each invalid variable gives one line with its name and an example."""
    monkeypatch.setenv("QUEUE_PORT", "99999")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SettingsInvalid) as raised:
        load(Settings)
    assert [line.split(":")[0] for line in raised.value.lines] == ["QUEUE_PORT", "LOG_LEVEL"]
    assert raised.value.lines[0].endswith("set it like QUEUE_PORT=9025")


def test_empty_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as a compose file can set it, has the default."""
    monkeypatch.setenv("QUEUE_PORT", "")
    assert load(Settings).queue_port == 9025


def test_stop(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With an invalid variable a service exits with status 2 and the lines on stderr, without a traceback."""
    monkeypatch.setenv("QUEUE_PORT", "x")
    with pytest.raises(SystemExit) as raised:
        load_or_stop(Settings)
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("QUEUE_PORT: ")
