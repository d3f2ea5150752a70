"""Commands `make alerts` and `make alert-routes`."""

from pathlib import Path

import pytest

from alerts import __main__ as alerts
from alerts.routes import __main__ as routes
from alerts.routes.settings import RouteSettings


@pytest.mark.slow
def test_writes_what_changed(tmp_path: Path) -> None:
    """The first run writes all files, the second none; changed files are rewritten and obsolete ones deleted."""
    first = alerts.write(tmp_path)
    assert "relay.yml" in first
    assert alerts.write(tmp_path) == []
    (tmp_path / "old.yml").write_text("groups: []")
    (tmp_path / "relay.yml").write_text("changed by hand")
    assert alerts.write(tmp_path) == ["relay.yml", "old.yml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(first)


def test_speed_needs_its_own_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--speed is rejected without --output, so that the shipped rules keep their times."""
    monkeypatch.setattr("sys.argv", ["alerts", "--speed", "60"])
    with pytest.raises(SystemExit):
        alerts.main()
    assert "--speed needs --output" in capsys.readouterr().err


@pytest.fixture
def no_alert_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the ALERT_ variables from the environment, and use a folder without .env.mail.prod."""
    monkeypatch.chdir(tmp_path)
    for name in RouteSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_alert_variables")
def test_routes_without_a_receiver(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a receiver the command fails, names the variables, and writes nothing."""
    monkeypatch.setattr("sys.argv", ["routes", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        routes.main()
    assert ended.value.code == 2
    assert "ALERT_NTFY_URL" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_alert_variables")
def test_routes_from_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Variables of .env.mail.prod and of the environment are combined; a missing dead man's switch is a warning."""
    (tmp_path / ".env.mail.prod").write_text("MAIL_DOMAIN=x.example\nALERT_WEBHOOK_URL_FILE=/run/secrets/hook\n")
    monkeypatch.setenv("ALERT_NTFY_URL", "https://ntfy.example/topic")
    monkeypatch.setattr("sys.argv", ["routes", "--output", str(tmp_path / "out")])
    assert routes.main() == 0
    written = (tmp_path / "out/alertmanager.yml").read_text()
    assert "url_file: /run/secrets/hook" in written
    assert "webhook_url: https://ntfy.example/topic" in written
    assert "ALERT_DEADMAN_URL is not set" in capsys.readouterr().out
