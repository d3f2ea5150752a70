"""`make alerts` and `make alert-routes` as commands."""

from pathlib import Path

import pytest

from alerts import __main__ as alerts
from alerts.routes import __main__ as routes
from alerts.routes.settings import RouteSettings


def test_writes_what_changed(tmp_path: Path) -> None:
    """All files at first, none the second time; one that is no longer made is deleted."""
    first = alerts.write(tmp_path)
    assert "relay.yml" in first
    assert alerts.write(tmp_path) == []
    (tmp_path / "old.yml").write_text("groups: []")
    (tmp_path / "relay.yml").write_text("changed by hand")
    assert alerts.write(tmp_path) == ["relay.yml", "old.yml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(first)


def test_the_shipped_rules_are_never_the_fast_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--speed needs a folder of its own."""
    monkeypatch.setattr("sys.argv", ["alerts", "--speed", "60"])
    with pytest.raises(SystemExit):
        alerts.main()
    assert "--speed needs --output" in capsys.readouterr().err


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take the machine's own variables and .env.mail.prod away."""
    monkeypatch.chdir(tmp_path)
    for name in RouteSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_variables")
def test_routes_without_a_receiver(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing is written, the variables are named, and the command fails."""
    monkeypatch.setattr("sys.argv", ["routes", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        routes.main()
    assert ended.value.code == 2
    assert "ALERT_NTFY_URL" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_variables")
def test_routes_from_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """.env.mail.prod is read beside the environment; a missing dead man's switch is a warning, not an error."""
    (tmp_path / ".env.mail.prod").write_text("MAIL_DOMAIN=x.example\nALERT_WEBHOOK_URL_FILE=/run/secrets/hook\n")
    monkeypatch.setenv("ALERT_NTFY_URL", "https://ntfy.example/topic")
    monkeypatch.setattr("sys.argv", ["routes", "--output", str(tmp_path / "out")])
    assert routes.main() == 0
    written = (tmp_path / "out/alertmanager.yml").read_text()
    assert "url_file: /run/secrets/hook" in written
    assert "webhook_url: https://ntfy.example/topic" in written
    assert "ALERT_DEADMAN_URL is not set" in capsys.readouterr().out
