"""Command line `mail-check`, without any service."""

import io
import json
from collections.abc import Callable
from typing import NamedTuple

import pytest

from mail_check.cli import main

VARIABLES = {
    "MAIL_DOMAIN": "dinky.example",
    "SMTP_RELAY_HOST": "127.0.0.1",
    "SMTP_RELAY_PORT": "1",
    "SMTP_RELAY_USERNAME": "shop@gmail.example",
    "SMTP_RELAY_PASSWORD": "swordfish",
    "PROMETHEUS_URL": "http://127.0.0.1:1",
    "ALERTMANAGER_URL": "http://127.0.0.1:1",
    "NTP_SERVER": "127.0.0.1",
}


class Done(NamedTuple):
    """Exit status and output of a command."""

    status: int
    stdout: str
    stderr: str


Check = Callable[..., Done]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Return a function that runs the command with arguments, host facts on standard input, and variables."""

    def run(*arguments: str, facts: str = "", **variables: str) -> Done:
        for name, value in (VARIABLES | variables).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdin", io.StringIO(facts))
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(str(end.code))
        done = Done(status, *capsys.readouterr())
        assert "swordfish" not in str(done)
        return done

    return run


def test_before_the_first_start(check: Check) -> None:
    """Checks that need a running service are skipped with the reason; the others are made."""
    done = check("--host-facts", facts="server\t0\nlistening\t25\n")
    assert done.status == 1, done
    assert "not checked  mail-server           not started yet" in done.stdout
    assert "not checked  queue                 mail-server does not run" in done.stdout
    assert "FAILED       25 of the host        another program listens" in done.stdout
    assert "FAILED       connection            127.0.0.1:1: Connection refused" in done.stdout
    assert "ok           mail-server           every variable can be used" in done.stdout


def test_json(check: Check) -> None:
    """Standard output is one JSON object; each finding has the same fields, and the areas are in order."""
    done = check("--json", "--host-facts")
    found = json.loads(done.stdout)
    assert {"schema", "exit_status", "counts", "findings"} == set(found)
    assert (done.status, len(found["findings"])) == (found["exit_status"], sum(found["counts"].values()))
    assert {("area", "name", "status", "message", "fix")} == {tuple(one) for one in found["findings"]}
    areas = ["configuration", "services", "networks", "ports", "dns", "relay", "certificate", "machine", "monitoring"]
    assert areas == list(dict.fromkeys(one["area"] for one in found["findings"]))


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"MAIL_DOMAIN": ""}, "MAIL_DOMAIN is not set in this container"),
        ({"SMTP_RELAY_PASSWORD_FILE": "/no/such"}, "SMTP_RELAY_PASSWORD_FILE: /no/such cannot be read"),
    ],
)
def test_unusable_variables(check: Check, variables: dict[str, str], line: str) -> None:
    """An unusable variable is a failure, and the checks that do not need it are made."""
    done = check("--host-facts", **variables)
    assert done.status == 1
    assert f"FAILED       variables             {line}" in done.stdout
    assert "monitoring" in done.stdout


@pytest.mark.parametrize("arguments", [("--seconds", "0"), ("--seconds", "soon"), ("--no-such",)])
def test_wrong_arguments(check: Check, arguments: tuple[str, ...]) -> None:
    """A wrong option prints the usage, with status 2."""
    done = check(*arguments)
    assert (2, "") == (done.status, done.stdout)
    assert "usage: mail-check" in done.stderr


def test_help(check: Check) -> None:
    """The help describes the exit statuses."""
    done = check("--help")
    assert (0, True) == (done.status, "1 something failed" in " ".join(done.stdout.split()))
