"""`make api-key`, `make backup` and `make restore` on a running and on a stopped stack."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.stack import API, EXPORTER, ROOT, Stack, until


def make(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a make target; `Stack` sets the project's name in the environment."""
    done = subprocess.run(  # noqa: S603 - our own Makefile
        ["make", "--silent", *arguments],  # noqa: S607 - whichever make there is
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert bool(done.returncode) == bool(status), done.stderr
    return done


def key_is_valid(stack: Stack, key: str) -> bool:
    """Return whether the API accepts a key."""
    response = stack.http.get(stack.url(API, "/quota"), headers={"Authorization": f"Bearer {key}"})
    assert response.status_code in (200, 401), response.text
    return response.status_code == 200


def is_up(stack: Stack) -> bool:
    """Return whether both services with an open ledger answer."""
    return all(stack.http.get(stack.url(service, "/health")).is_success for service in (API, EXPORTER))


def test_key(stack: Stack, subject: str) -> None:
    """Only the new key is on standard output, and it is valid at once."""
    done = make("api-key", f"NAME={subject.removeprefix('test ')}", "OPTIONS=--important --daily 5")
    (key,) = done.stdout.splitlines()
    assert key_is_valid(stack, key)
    assert "can't be shown again" in done.stderr


def test_key_without_a_name(stack: Stack) -> None:
    """The error for a missing name has the whole command."""
    assert "make api-key NAME=contact-form" in make("api-key", "NAME=", status=2).stderr
    assert is_up(stack)


def test_key_while_services_are_stopped(stack: Stack, subject: str) -> None:
    """A key can be created while the services are stopped."""
    stack.command("stop", "mail-api", "mail-exporter")
    try:
        (key,) = make("api-key", f"NAME={subject.removeprefix('test ')}").stdout.splitlines()
    finally:
        stack.start()
    assert key_is_valid(stack, key)


def test_backup_and_restore(stack: Stack, subject: str, tmp_path: Path) -> None:
    """A restored ledger has the content of the backup, and later mails are read from the log again."""
    name = subject.removeprefix("test ")
    file = tmp_path / "backup.db"
    (old,) = make("api-key", f"NAME={name}-old").stdout.splitlines()
    make("backup", f"FILE={file}")
    (new,) = make("api-key", f"NAME={name}-new").stdout.splitlines()
    message_id = stack.send(subject)
    stack.received(subject)
    make("restore", f"FILE={file}", "CONFIRM=yes")
    stack.start()
    assert (key_is_valid(stack, old), key_is_valid(stack, new)) == (True, False)
    until("the mail in the ledger again", lambda: "1 sent" in stack.execute("mail-exporter", *explain(message_id)))
    assert stack.value(EXPORTER, "mail_exporter_log_gaps_total") == 0
    assert file.stat().st_mode & 0o077 == 0


def explain(message_id: str) -> tuple[str, ...]:
    """Return the command that explains a mail, with exit status 0 even for an unknown one."""
    return "sh", "-c", f"mail-exporter explain {message_id} || true"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("FILE=README.md",), "Confirm it: CONFIRM=yes", id="not confirmed"),
        pytest.param(("FILE=no-such.db", "CONFIRM=yes"), "no-such.db: there is no such file", id="no file"),
        pytest.param(("FILE=README.md", "CONFIRM=yes"), "file is not a database", id="not a backup"),
    ],
)
def test_impossible_restore(stack: Stack, arguments: tuple[str, ...], words: str) -> None:
    """A restore that is not possible prints the reason, and the services keep their ledger."""
    assert words in make("restore", *arguments, status=1).stderr
    stack.start()
    assert is_up(stack)


def test_backup_does_not_replace(stack: Stack, tmp_path: Path) -> None:
    """An existing backup is not replaced."""
    file = tmp_path / "backup.db"
    file.write_text("precious")
    assert "name another FILE" in make("backup", f"FILE={file}", status=1).stderr
    assert file.read_text() == "precious"
    assert is_up(stack)
