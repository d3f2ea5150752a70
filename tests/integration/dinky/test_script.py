"""dev/dinky: the installer in its image, on a server that has Docker only."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from dinky.__main__ import CANNOT, DONE, OPEN
from tests.integration.dinky.conftest import STACK
from tests.integration.stack import ROOT

ENVIRONMENT: Final = {
    **os.environ,
    "ALERT_WEBHOOK_URL": "https://hook.example/a",
    "RUNBOOK_URL": "https://git.dinky.net/runbooks",
    "GRAFANA_URL": "https://grafana.dinky.net",
}


def script(*arguments: str, code: int = DONE) -> str:
    """Run dev/dinky and return its output."""
    command = [str(ROOT / "dev/dinky"), *arguments]
    done = subprocess.run(  # noqa: S603 - our own script
        command, check=False, capture_output=True, text=True, timeout=110, env=ENVIRONMENT
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return its output."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout  # noqa: S603 - as above


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """Return a clone of a repository that contains the stack."""
    upstream, clone = tmp_path / "upstream", tmp_path / "clone"
    shutil.copytree(STACK, upstream)
    git(upstream, "init", "--quiet")
    git(upstream, "add", "--all")
    git(upstream, "commit", "--quiet", "--message", "stack")
    git(tmp_path, "clone", "--quiet", str(upstream), str(clone))
    return clone


def test_install_check_undo(server: Path) -> None:
    """The shell's variables are passed on, new files belong to the folder's owner, and the undo leaves nothing."""
    if os.geteuid() == 0:
        for path in (server, *server.rglob("*")):
            os.chown(path, 12345, 12345, follow_symlinks=False)
    assert "it is not there" in script("check", str(server), code=OPEN)
    assert f"dinky: {server}: done" in script("install", str(server), "--yes")
    rule = server / "monitoring/prometheus/mail/server.yml"
    assert "https://git.dinky.net/runbooks/MailServerDown.md" in rule.read_text()
    assert "https://hook.example/a" in (server / "monitoring/alertmanager/alertmanager.yml").read_text()
    assert (rule.stat().st_uid, rule.stat().st_gid) == (server.stat().st_uid, server.stat().st_gid)
    script("check", str(server))
    script("undo", str(server), "--yes")
    assert git(server, "-c", f"safe.directory={server}", "status", "--short") == ""


def test_update(server: Path) -> None:
    """An update pulls a new version of a changed file, and adds our lines again."""
    script("install", str(server), "--yes")
    file = server.parent / "upstream/docker-compose.yml"
    file.write_text(file.read_text().replace("prometheus:v3.4.0", "prometheus:v3.5.0"))
    git(server.parent / "upstream", "commit", "--quiet", "--all", "--message", "newer")
    assert "old mail server" not in script("update", str(server))
    text = (server / "docker-compose.yml").read_text()
    assert "prometheus:v3.5.0" in text
    assert "--enable-feature=exemplar-storage" in text


def test_update_that_cannot_be_pulled(server: Path) -> None:
    """If the repository cannot be pulled, nothing is changed, and the exit code reports it."""
    script("install", str(server), "--yes")
    before = (server / "docker-compose.yml").read_text()
    shutil.rmtree(server.parent / "upstream")
    assert "git fetch did not succeed" in script("update", str(server), code=CANNOT)
    assert (server / "docker-compose.yml").read_text() == before


def test_update_with_changes_of_the_operator(server: Path) -> None:
    """Changes of the operator and of upstream in one file stop the merge, and nothing is lost."""
    script("install", str(server), "--yes")
    compose = server / "docker-compose.yml"
    compose.write_text(compose.read_text().replace("grafana:", "grafana:  # mine", 1))
    before = compose.read_text()
    upstream = server.parent / "upstream/docker-compose.yml"
    upstream.write_text(upstream.read_text().replace("prometheus:v3.4.0", "prometheus:v3.5.0"))
    git(server.parent / "upstream", "commit", "--quiet", "--all", "--message", "newer")
    assert "git merge --ff-only did not succeed" in script("update", str(server), code=CANNOT)
    assert compose.read_text() == before


def test_update_without_an_installation(server: Path) -> None:
    """An update without an installation installs nothing."""
    assert "nothing is installed there" in script("update", str(server), code=CANNOT)
    assert git(server, "status", "--short") == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(("install", ""), "DIR is required", id="no DIR"),
        pytest.param(("check", "/nowhere/at/all"), "there is no such folder", id="no such folder"),
        pytest.param(("save-queue", "mail-server"), "usage: dev/dinky save-queue CONTAINER FOLDER", id="no folder"),
        pytest.param(("move",), "dev/dinky help", id="unknown command"),
    ],
)
def test_refused(arguments: tuple[str, ...], expected: str) -> None:
    """The error names the missing argument, with an example."""
    assert expected in script(*arguments, code=CANNOT)
