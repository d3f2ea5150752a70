"""Command line: install, check and undo in a copy of the stack."""

import difflib
import json
import os
import pty
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from dinky.__main__ import CANNOT, DONE, OPEN, main
from dinky.install_record import fingerprint
from dinky.server_folder import ALERTMANAGER, COMPOSE, DATASOURCES, PROMETHEUS
from tests.unit.dinky.commands import check, install, replace, tree, undo
from tests.unit.dinky.conftest import STACK

pytestmark = pytest.mark.slow

RULE = "monitoring/prometheus/mail/relay.yml"
Json = dict[str, Any]


def test_check_before_installation(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """The check of the original stack lists every change with its fix, and writes nothing."""
    assert check(server) == OPEN
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    missing = [line for line in lines if line.startswith("missing")]
    assert len(missing) == 29
    assert all(after.startswith("          fix: ") for line, after in pairwise(lines) if line in missing)
    assert f"missing {COMPOSE}: its own service mail-server is not started, even by name" in missing
    assert f"missing {RULE}: it is not there" in missing
    assert "dinky: 29 missing or old; warnings: 1; `make dinky DIR=" in printed
    assert tree(server) == tree(STACK)


def test_installed(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """After an installation the check finds nothing missing, and a second one has nothing to do."""
    assert install(server) == DONE
    assert check(server) == DONE
    assert "dinky: nothing is missing" in capsys.readouterr().out
    once = tree(server)
    assert install(server) == DONE
    assert "nothing to do" in capsys.readouterr().out
    assert tree(server) == once


def test_undone(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """Undoing restores every file and folder, byte for byte."""
    assert install(server) == DONE
    assert undo(server) == DONE
    assert tree(server) == tree(STACK)
    assert not (server / "monitoring/prometheus/mail").exists()
    assert not (server / ".dinky-mail").exists()
    capsys.readouterr()
    assert undo(server) == DONE
    assert "nothing to do" in capsys.readouterr().out


def test_only_lines_are_added(server: Path) -> None:
    """The server's own lines stay, except for the two that make Alertmanager wait for the old mail server."""
    install(server)
    gone = []
    for path in (COMPOSE, PROMETHEUS, ALERTMANAGER, DATASOURCES):
        before, after = ((folder / path).read_text().splitlines() for folder in (STACK, server))
        gone += [line[2:] for line in difflib.ndiff(before, after) if line.startswith("- ")]
    assert gone == ["    depends_on:", "      - mail-server"]


def test_result_is_as_intended(server: Path) -> None:
    """The compose file starts no mail server of its own, and all links point to existing data sources."""
    install(server)
    services = yaml.safe_load((server / COMPOSE).read_text())["services"]
    assert services["replaced-mail-server"]["profiles"] == ["replaced-by-dinky-mail"]
    assert services["replaced-mail-server"]["container_name"] == "mail-server"
    assert {"build", "ports", "volumes"} & set(services["mail-server"]) == set()
    assert "depends_on" not in services["alertmanager"]
    assert services["prometheus"]["command"][-2:] == ["--web.enable-lifecycle", "--enable-feature=exemplar-storage"]
    routes = yaml.safe_load((server / ALERTMANAGER).read_text())["route"]["routes"]
    assert [one["receiver"] for one in routes] == ["mail", "on-call", "sites"]
    sources = {one["name"]: one["jsonData"] for one in sources_of(server) if "jsonData" in one}
    links = [*sources["Prometheus"]["exemplarTraceIdDestinations"], *sources["Loki"]["derivedFields"]]
    assert {one["url"].partition("?")[0] for one in links} == {"/d/mail-trail"}
    # The uids that Grafana derives from these names.
    assert sources["Tempo"]["tracesToLogsV2"]["datasourceUid"] == "P8E80F9AEF21F6940"
    assert sources["Tempo"]["tracesToMetrics"]["datasourceUid"] == "PBFA97CFB590B2093"
    assert sources["Tempo"]["tracesToLogs"]["datasourceUid"] == "loki"


def sources_of(server: Path) -> list[Json]:
    """Return the provisioned data sources."""
    found: list[Json] = yaml.safe_load((server / DATASOURCES).read_text())["datasources"]
    return found


def test_containers_see_the_change(server: Path) -> None:
    """A changed file keeps its inode and mode, since containers may mount it; a new one can be read by all users."""
    path = server / ALERTMANAGER
    path.chmod(0o640)
    before = path.stat()
    mask = os.umask(0o077)
    try:
        install(server)
    finally:
        os.umask(mask)
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)
    assert (server / RULE).stat().st_mode & 0o777 == 0o644
    assert (server / RULE).parent.stat().st_mode & 0o777 == 0o755
    assert (server / ".dinky-mail").stat().st_mode & 0o777 == 0o700


def test_no_terminal(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """Without --yes and without a terminal the diff is printed, nothing is changed, and --yes is named."""
    assert main(["install", str(server)]) == OPEN
    printed = capsys.readouterr().out
    assert '+  - "mail/*.yml"' in printed
    assert "writes 10 files to monitoring/prometheus/mail/" in printed
    assert "use --yes" in printed
    assert tree(server) == tree(STACK)


def test_edit_of_a_stack_file(server: Path) -> None:
    """What the operator adds to an edited file survives a second run and an undo."""
    install(server)
    replace(server / PROMETHEUS, "scrape_interval: 15s", "scrape_interval: 30s")
    assert check(server) == DONE
    install(server)
    assert undo(server) == DONE
    expected = (STACK / PROMETHEUS).read_text().replace("scrape_interval: 15s", "scrape_interval: 30s")
    assert (server / PROMETHEUS).read_text() == expected
    assert {**tree(server), PROMETHEUS: b""} == {**tree(STACK), PROMETHEUS: b""}


def test_edit_of_installed_lines(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """An installed line that the operator has changed is not replaced or doubled, and the undo prints it."""
    install(server)
    replace(server / ALERTMANAGER, "repeat_interval: 12h", "repeat_interval: 6h")
    edited = tree(server)
    assert install(server) == DONE
    assert tree(server)[ALERTMANAGER] == edited[ALERTMANAGER]
    assert check(server) == DONE
    capsys.readouterr()
    assert undo(server) == DONE
    assert (
        f"{ALERTMANAGER}: you have changed this line since, so it stays: repeat_interval: 12h"
        in capsys.readouterr().out
    )
    left = yaml.safe_load((server / ALERTMANAGER).read_text())
    assert left["route"]["routes"][0]["repeat_interval"] == "6h"
    assert [one["name"] for one in left["receivers"]] == ["everybody", "on-call", "sites"]
    assert tree(server)[COMPOSE] == tree(STACK)[COMPOSE]


def test_edit_of_an_installed_file(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """A rule file that the operator has changed stays, after the undo too."""
    install(server)
    replace(server / RULE, "for: 1m", "for: 5m")
    mine = (server / RULE).read_bytes()
    assert install(server) == DONE
    assert f"{RULE}: you have changed it, so it stays" in capsys.readouterr().out
    assert check(server) == DONE
    assert f"yours   {RULE}" in capsys.readouterr().out
    assert undo(server) == DONE
    assert tree(server)[RULE] == mine
    assert not (server / "monitoring/prometheus/mail/api.yml").exists()


def replace_by_other_version(server: Path, path: str) -> None:
    """Replace an installed file by one of another version."""
    record = server / ".dinky-mail/record.json"
    listed = json.loads(record.read_text())
    older = server / path
    older.write_text("groups: []\n")
    listed["ours"][path] = fingerprint(older.read_bytes())
    record.write_text(json.dumps(listed))


def test_newer_version(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """An unchanged file from another version is old, and is replaced."""
    install(server)
    new = tree(server)[RULE]
    replace_by_other_version(server, RULE)
    assert check(server) == OPEN
    assert f"old     {RULE}: it is from another version" in capsys.readouterr().out
    assert install(server) == DONE
    assert tree(server)[RULE] == new


def test_newer_version_of_an_edited_file(server: Path) -> None:
    """If the operator and a new version both changed a file, the operator's stays, and ours is written as NAME.new."""
    install(server)
    new = tree(server)[RULE]
    replace_by_other_version(server, RULE)
    (server / RULE).write_text("groups: [] # mine\n")
    assert install(server) == DONE
    assert (tree(server)[RULE], tree(server)[f"{RULE}.new"]) == (b"groups: [] # mine\n", new)
    (server / f"{RULE}.new").rename(server / RULE)
    assert check(server) == DONE
    assert undo(server) == DONE
    assert tree(server) == tree(STACK)


def test_former_rule_file(server: Path) -> None:
    """A file of another version that this one does not have is removed."""
    install(server)
    extra = "monitoring/prometheus/mail/former.yml"
    replace_by_other_version(server, extra)
    assert check(server) == OPEN
    assert install(server) == DONE
    assert not (server / extra).exists()


def test_file_that_cannot_be_edited(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """What has to be done by hand is printed each time, with its reason, and the exit code reports it."""
    (server / PROMETHEUS).write_text("scrape_configs: []\n")
    assert install(server) == OPEN
    assert f"dinky: to do by hand: {PROMETHEUS}: " in capsys.readouterr().out
    assert install(server) == OPEN
    printed = capsys.readouterr().out
    assert "nothing to do" not in printed
    assert "nothing was changed" in printed


def test_next_steps(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: Path) -> None:
    """The commands name the services whose definition changed, and no other; optional ones are not started."""
    install(server)
    printed = capsys.readouterr().out
    assert "docker compose up -d --no-deps prometheus alertmanager promtail " in printed
    assert "steps 2 to 6 of docs/dinky-server.md" in printed
    assert "docker kill" not in printed  # both are created anew
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hook.example/b")
    install(server)
    printed = capsys.readouterr().out
    assert "docker compose up" not in printed
    assert "docker kill --signal=HUP alertmanager" in printed


def test_next_steps_after_an_undo(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """Dinky Mail's containers go before the old mail server is started, since they have its name."""
    install(server)
    capsys.readouterr()
    undo(server)
    printed = capsys.readouterr().out
    steps = [
        "docker compose -f docker-compose.mail.prod.yml --env-file .env.mail.prod down",
        "docker compose up -d --no-deps prometheus alertmanager promtail ",
        "docker compose up -d mail-server ",
    ]
    assert sorted(steps, key=printed.index) == steps


def test_missing_file_names_its_source(capsys: pytest.CaptureFixture[str], server: Path) -> None:
    """The fix for a missing file names the file of this repository."""
    check(server)
    assert "fix: run `make dinky`, or copy alerts/rules/relay.yml there" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["install", "check", "undo"])
def test_no_folder(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """An empty DIR is reported as such, with an example."""
    assert main([command, ""]) == CANNOT
    assert "DIR is required" in capsys.readouterr().err


def test_existing_file(server: Path) -> None:
    """A dashboard that was copied by hand before is not removed by the undo."""
    dashboard = server / "monitoring/grafana/dashboards/mail-api.json"
    dashboard.write_bytes((Path(__file__).parents[3] / "dashboards/json/mail-api.json").read_bytes())
    install(server)
    undo(server)
    assert dashboard.exists()


def test_interrupted(server: Path) -> None:
    """When only the record was written, the next run writes the rest, and an undo restores the stack."""
    install(server)
    for path, content in tree(STACK).items():
        (server / path).write_bytes(content)
    assert install(server) == DONE
    assert check(server) == DONE
    undo(server)
    assert tree(server) == tree(STACK)


@pytest.mark.parametrize("command", ["install", "check", "undo"])
def test_other_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str) -> None:
    """A folder that is not a Dinky Server is rejected."""
    assert main([command, str(tmp_path)]) == CANNOT
    assert "there is no docker-compose.yml" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["install", "check"])
def test_broken_file(capsys: pytest.CaptureFixture[str], server: Path, command: str) -> None:
    """The error for a file that is not YAML has its path, and nothing is changed."""
    (server / PROMETHEUS).write_text("global: [\n")
    before = tree(server)
    assert main([command, str(server)]) == CANNOT
    assert "prometheus.yml: it is no valid YAML" in capsys.readouterr().err
    assert tree(server) == before


@pytest.mark.parametrize(
    ("answer", "code", "printed"),
    [pytest.param("y", DONE, b": done", id="yes"), pytest.param("n", OPEN, b"nothing was changed", id="no")],
)
def test_confirmation(server: Path, answer: str, code: int, printed: bytes) -> None:
    """At a terminal the command prints the diff, asks, and changes the files only after a yes."""
    terminal, stdin = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())
    command = [sys.executable, "-m", "dinky", "install", str(server)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, stdin=stdin, capture_output=True, check=False, cwd=root, timeout=60)  # noqa: S603 - our own program
    os.close(terminal)
    os.close(stdin)
    assert (done.returncode, done.stderr) == (code, b"")
    assert f"Change {server}? [y/N]".encode() in done.stdout
    assert printed in done.stdout
    assert (tree(server) == tree(STACK)) == (answer == "n")
