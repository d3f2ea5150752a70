"""Command line: the settings for notifications and links."""

from pathlib import Path

import pytest

from dinky.__main__ import CANNOT, DONE, OPEN, main
from dinky.server_folder import ALERTMANAGER
from tests.unit.dinky.commands import check, install, tree, undo
from tests.unit.dinky.conftest import STACK

pytestmark = pytest.mark.slow


def test_other_notification_route(monkeypatch: pytest.MonkeyPatch, server: Path) -> None:
    """Other ALERT_ settings change our lines in alertmanager.yml and no other, and are undone as well."""
    install(server)
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hook.example/b")
    assert check(server) == OPEN
    assert install(server) == DONE
    text = (server / ALERTMANAGER).read_text()
    assert "https://hook.example/b" in text
    assert "https://hook.example/a" not in text
    undo(server)
    assert tree(server) == tree(STACK)


def test_no_notification_route(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Path
) -> None:
    """Without ALERT_ variables everything else is installed, one warning names them, and the check reports it."""
    monkeypatch.delenv("ALERT_WEBHOOK_URL")
    for _ in range(2):
        assert install(server) == DONE
        printed = capsys.readouterr().out
        assert printed.count("ALERT_") == printed.count("dinky: warning: no notification route is configured") == 1
    assert tree(server)[ALERTMANAGER] == tree(STACK)[ALERTMANAGER]
    assert check(server) == OPEN
    assert f"missing {ALERTMANAGER}: alerts about mail have a notification route" in capsys.readouterr().out
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hook.example/a")
    assert install(server) == DONE
    assert check(server) == DONE


def test_half_a_notification_route(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Path
) -> None:
    """A route that cannot work stops the installation before anything is written, and names the variable."""
    monkeypatch.setenv("ALERT_TELEGRAM_BOT_TOKEN_FILE", "/run/secrets/token")
    assert install(server) == CANNOT
    assert "dinky: ALERT_TELEGRAM_CHAT_ID: is not set" in capsys.readouterr().err
    assert tree(server) == tree(STACK)


def test_secrets_in_a_tracked_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Path
) -> None:
    """A secret that would be written into alertmanager.yml is named before anything is written."""
    monkeypatch.setenv("ALERT_NTFY_URL", "https://ntfy.example/t")
    monkeypatch.setenv("ALERT_TELEGRAM_CHAT_ID", "-100")
    monkeypatch.setenv("ALERT_TELEGRAM_BOT_TOKEN_FILE", "/run/secrets/token")
    assert main(["install", str(server)]) == OPEN
    printed = capsys.readouterr().out
    for name in ("ALERT_WEBHOOK_URL", "ALERT_NTFY_URL", "ALERT_TELEGRAM_CHAT_ID"):
        assert f"dinky: warning: {name} is written into" in printed
    assert "set ALERT_NTFY_URL_FILE=/run/secrets/alert_ntfy_url instead" in printed
    assert tree(server) == tree(STACK)


def test_secrets_in_files(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Path) -> None:
    """With `_FILE` settings alertmanager.yml contains only paths, and there is no warning."""
    monkeypatch.delenv("ALERT_WEBHOOK_URL")
    for name in ("ALERT_WEBHOOK_URL", "ALERT_NTFY_URL", "ALERT_DEADMAN_URL"):
        monkeypatch.setenv(f"{name}_FILE", f"/run/secrets/{name.lower()}")
    assert install(server) == DONE
    assert "dinky: warning" not in capsys.readouterr().out
    added = set((server / ALERTMANAGER).read_text().splitlines()) - set((STACK / ALERTMANAGER).read_text().splitlines())
    assert [line for line in added if "https://" in line] == []
    assert sum("url_file: /run/secrets/" in line for line in added) == 3


def test_links_use_the_settings(server: Path) -> None:
    """Rules and dashboards have RUNBOOK_URL and GRAFANA_URL, and no placeholder."""
    install(server)
    installed = {path: text.decode() for path, text in tree(server).items() if "/mail" in path}
    assert "https://git.dinky.net/runbooks/MailServerDown.md" in installed["monitoring/prometheus/mail/server.yml"]
    assert "https://grafana.dinky.net/d/mail-server" in installed["monitoring/prometheus/mail/server.yml"]
    assert (
        "https://git.dinky.net/runbooks/${__value.raw}.md"
        in installed["monitoring/grafana/dashboards/mail-overview.json"]
    )
    assert [path for path, text in installed.items() if ".invalid" in text or "localhost:3000" in text] == []


def test_links_that_cannot_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Path
) -> None:
    """Without the settings, check and installation warn of both, and continue."""
    monkeypatch.delenv("RUNBOOK_URL")
    monkeypatch.delenv("GRAFANA_URL")
    assert install(server) == DONE
    assert "dinky: warning: RUNBOOK_URL is not set" in capsys.readouterr().out
    assert check(server) == DONE
    printed = capsys.readouterr().out
    assert "warning .env.mail.prod: RUNBOOK_URL is not set" in printed
    assert "warning .env.mail.prod: GRAFANA_URL is http://localhost:3000" in printed


@pytest.mark.parametrize("name", ["RUNBOOK_URL", "GRAFANA_URL"])
def test_link_that_is_no_url(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Path, name: str
) -> None:
    """A value that would break a rule or a dashboard is rejected, and nothing is changed."""
    monkeypatch.setenv(name, 'https://x"y')
    assert install(server) == CANNOT
    assert f"dinky: {name}: " in capsys.readouterr().err
    assert tree(server) == tree(STACK)
