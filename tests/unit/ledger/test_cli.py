"""The command line `mail-ledger`."""

import io
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mail_ledger import Ledger
from mail_ledger.api_ledger import ApiLedger
from mail_ledger.caught_mails import NewCaughtMail
from mail_ledger.cli import main
from tests.polling import until
from tests.unit.ledger.fakes import MailServer, submission


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Set LEDGER_URL, as the compose file does."""
    monkeypatch.setenv("LEDGER_URL", url)
    monkeypatch.setenv("COLUMNS", "200")


def run(*arguments: str) -> int:
    """Run the command and return its status."""
    try:
        main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_only_the_key_is_printed(capsys: pytest.CaptureFixture[str], ledger: ApiLedger) -> None:
    """Only the new key is printed on standard output, and the key is valid."""
    options = ("--important", "--daily", "50", "--per-minute", "6", "--sender", "hi@x.org", "--sender", "y.org")
    assert run("api-key", "create", "web", *options) == 0
    output = capsys.readouterr()
    key = ledger.keys.verify(output.out.removesuffix("\n"))
    assert key is not None
    assert (True, (50, 6), ("hi@x.org", "y.org")) == (key.important, key.limits, key.allowed_senders)
    assert "can't be shown again" in output.err


def test_keys_are_listed_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """The list shows name, state and limits of every key, without secrets."""
    run("api-key", "list")
    assert "api-key create NAME" in capsys.readouterr().out
    run("api-key", "create", "web", "--daily", "50")
    secret = capsys.readouterr().out.strip().rpartition("_")[2]
    run("api-key", "create", "old")
    run("api-key", "revoke", "old")
    capsys.readouterr()
    assert run("api-key", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("NAME")
    assert [["old", "revoked"], ["web", "valid"]] == [line.split()[:3:2] for line in lines[1:]]
    assert secret not in "".join(lines)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        pytest.param(("api-key", "create", "a b"), 2, "letters, digits", id="name"),
        pytest.param(("api-key", "create", "web", "--daily", "0"), 2, "greater than or equal to 1", id="limit"),
        pytest.param(("api-key", "create", "web", "--sender", "A <a@x>"), 2, "one address", id="sender"),
        pytest.param(("api-key", "revoke", "web"), 1, "no valid key named web", id="revoke"),
        pytest.param(("restore", "/no/such/file"), 1, "no such file", id="restore"),
        pytest.param(("backup", "/no/such/folder/x"), 1, "cannot back up", id="backup"),
        pytest.param(("backup", "x", "--url", "postgresql://u:hunter2@h/d"), 2, "pg_dump", id="PostgreSQL"),
        pytest.param(("status", "--url", "postgresql://u:hunter2@127.0.0.1:1/d"), 1, "refused", id="unreachable"),
        pytest.param(("prune", "--days", "-1"), 2, "greater than or equal to 0", id="days"),
        pytest.param(("forget-server", "mx.x.org"), 1, "no such mail server", id="server"),
        pytest.param(("caught", "show", "msg_1"), 1, "there is no caught mail msg_1", id="show"),
        pytest.param(("caught", "release", "msg_1"), 1, "there is no caught mail msg_1", id="release"),
        pytest.param(("nonsense",), 2, "nonsense", id="command"),
    ],
)
def test_errors_are_printed(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, words: str
) -> None:
    """An error is printed on standard error, without a password or a traceback."""
    assert status == run(*arguments)
    output = capsys.readouterr()
    assert words in output.err
    assert "hunter2" not in output.err
    assert "Traceback" not in output.err
    assert output.out == ""


@pytest.mark.parametrize(
    "command", ["", "api-key", "api-key create", "backup", "restore", "prune", "forget-server", "status"]
)
def test_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Every command has a help text."""
    assert run(*command.split(), "--help") == 0
    assert "Usage" in capsys.readouterr().out


def test_backup_and_restore(tmp_path: Path, ledger: ApiLedger, capsys: pytest.CaptureFixture[str]) -> None:
    """The ledger is backed up to a file and restored from it."""
    ledger.submissions.begin(submission(1))
    assert run("backup", str(tmp_path / "backup.db")) == 0
    assert run("backup", str(tmp_path / "backup.db")) == 1
    assert run("backup", str(tmp_path / "backup.db"), "--overwrite") == 0
    ledger.close()
    assert run("restore", str(tmp_path / "backup.db")) == 0
    assert "checked" in capsys.readouterr().err


def test_backup_through_a_pipe(ledger: ApiLedger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A dash is standard output or standard input, to copy a backup out of a container and into it."""
    ledger.submissions.begin(submission(1))
    ledger.close()
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    assert run("backup", "-") == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out.buffer.getvalue())))
    other = f"sqlite:///{tmp_path}/other.db"
    assert run("restore", "-", "--url", other) == 0
    restored = ApiLedger.open(other)
    assert restored.submissions.get("msg_1") is not None
    restored.close()


def test_prune(capsys: pytest.CaptureFixture[str], mail_server: MailServer) -> None:
    """Mails older than LEDGER_RETENTION_DAYS are deleted."""
    mail_server.relay(arrived=1.0)
    assert run("prune") == 0
    assert "deleted 1 mails of the log, 0 of the API" in capsys.readouterr().out


def test_forget_server(
    capsys: pytest.CaptureFixture[str], mail_server: MailServer, ledger: ApiLedger, url: str
) -> None:
    """The queued mails of a removed server are closed; those of other servers stay open."""
    for name in ("one.x.org", "two.x.org"):
        mail_server.take(server=name, recipient_count=2)
    assert run("forget-server", "One.x.org") == 0
    assert "1 mails were in its queue" in capsys.readouterr().out
    assert ledger.quota.read().in_queue == 2
    known = Ledger.open(url)
    assert [len(list(known.open_messages(name))) for name in ("one.x.org", "two.x.org")] == [0, 1]
    known.close()


def test_status(capsys: pytest.CaptureFixture[str], mail_server: MailServer, ledger: ApiLedger) -> None:
    """The status shows row counts and log positions."""
    mail_server.relay()
    mail_server.take()
    ledger.keys.create("web")
    assert run("status") == 0
    found = dict(re.split(r"  +", line, maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert ("2", "1", "1", "1") == (
        *(found["mails of the log"], found["delivery attempts"], found["API keys"]),
        found["mails in the queue"],
    )
    assert "read of mail.log" in found


def caught(ledger: ApiLedger, **fields: object) -> None:
    """Keep a caught mail with the id msg_1."""
    mail = {"from": {"address": "anna@x.org", "name": ""}, "subject": "Hello", "body": "Grüße"} | fields
    ledger.write([ledger.caught_mails.keep_write(NewCaughtMail("msg_1", "hp_url", mail))])


def test_caught_mails_are_listed(capsys: pytest.CaptureFixture[str], ledger: ApiLedger) -> None:
    """The list has a line for each caught mail, without characters that a terminal obeys."""
    assert run("caught", "list") == 0
    assert "no caught mail" in capsys.readouterr().out
    caught(ledger, subject="Hi \x1b[2J\u202eyou")
    assert run("caught", "list") == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.startswith("ID")
    assert re.fullmatch(r"msg_1 +\d{4}-\d\d-\d\d \d\d:\d\d UTC +caught +hp_url +anna@x.org +Hi \?\[2J\?you", line)


def test_caught_mail_is_shown(capsys: pytest.CaptureFixture[str], ledger: ApiLedger) -> None:
    """A caught mail is shown as JSON, its invisible characters escaped."""
    caught(ledger, body="Grüße\x9b\u202e")
    assert run("caught", "show", "msg_1") == 0
    output = capsys.readouterr().out
    assert '"body": "Grüße\\u009b\\u202e"' in output
    assert (json.loads(output)["mail"]["body"], json.loads(output)["state"]) == ("Grüße\x9b\u202e", "caught")


def test_release_waits_for_the_api(capsys: pytest.CaptureFixture[str], ledger: ApiLedger) -> None:
    """Without an API the release stays requested; after it the command prints the id of the mail that was sent."""
    caught(ledger)
    assert run("caught", "release", "msg_1", "--seconds", "0") == 0
    assert "msg_1 is requested, and not sent yet; does mail-api run?" in capsys.readouterr().err
    ledger.write([ledger.caught_mails.released_write("msg_1", "msg_9")])
    for _ in range(2):
        assert run("caught", "release", "msg_1", "--seconds", "0") == 0
        assert capsys.readouterr().out == "msg_1 is released as msg_9\n"


@pytest.mark.parametrize(
    ("retry_at", "status", "words"),
    [
        pytest.param(None, 1, "msg_1 was not sent: recipient_refused", id="for good"),
        pytest.param(1_800_000_000.0, 0, "not sent yet (quota_exhausted); the API tries it at 2027-01-15", id="later"),
    ],
)
def test_release_fails(
    capsys: pytest.CaptureFixture[str], ledger: ApiLedger, retry_at: float | None, status: int, words: str
) -> None:
    """The reason is printed, and when the API tries again."""
    caught(ledger)
    code = "quota_exhausted" if retry_at else "recipient_refused"

    def fail_when_requested() -> None:
        until("the release is requested", ledger.caught_mails.due)
        ledger.write([ledger.caught_mails.failed_write("msg_1", code, retry_at)])

    with ThreadPoolExecutor(1) as threads:
        failing = threads.submit(fail_when_requested)
        assert status == run("caught", "release", "msg_1", "--seconds", "5")
        failing.result()
    assert words in capsys.readouterr().err
