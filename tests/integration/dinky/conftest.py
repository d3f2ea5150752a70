"""Fixture: a Dinky Server's folder with Dinky Mail installed."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from dinky.__main__ import DONE, main
from tests.integration.stack import ROOT

STACK: Final = ROOT / "tests/fixtures/dinky-server"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the stack after `make dinky`."""
    copy = tmp_path_factory.mktemp("dinky") / "dinky-server"
    shutil.copytree(STACK, copy)
    with pytest.MonkeyPatch.context() as environment:
        environment.chdir(copy)  # so that this machine's .env.mail.prod is not read
        environment.setenv("ALERT_WEBHOOK_URL", "http://sandbox-relay:8080/notifications")
        assert main(["install", str(copy), "--yes"]) == DONE
    return copy
