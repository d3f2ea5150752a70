"""Fixture: a copy of a Dinky Server's folder, with the variables of an installation."""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

STACK: Final = Path(__file__).resolve().parents[2] / "fixtures/dinky-server"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the stack; ALERT_WEBHOOK_URL is set, and no .env.mail.prod of this machine is read."""
    copy = tmp_path / "dinky-server"
    shutil.copytree(STACK, copy)
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("ALERT_", "TRAEFIK_", "MAIL_")) or name in {"SECRETS_DIR", "CLIENT_ADDRESS_HEADER"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNBOOK_URL", "https://git.dinky.net/runbooks")
    monkeypatch.setenv("GRAFANA_URL", "https://grafana.dinky.net")
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hook.example/a")
    return copy
