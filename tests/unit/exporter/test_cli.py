"""Command line of the exporter."""

import gzip
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from loguru import logger
from sqlalchemy import text
from typer.testing import CliRunner

from mail_exporter.cli import app
from mail_ledger import Ledger
from mail_ledger.engine import open_engine
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness

GOLDEN = Path(__file__).resolve().parents[2] / "golden/mail.log"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set all variables to paths of the test."""
    for name, value in (
        ("MAIL_LOG_FILE", f"{tmp_path}/mail.log"),
        ("LEDGER_URL", f"sqlite:///{tmp_path}/ledger.db"),
        ("SPOOL_PATH", str(tmp_path)),
        ("QUEUE_HOST", "127.0.0.1"),
        ("QUEUE_PORT", "1"),
        ("SUBMISSION_HOST", "127.0.0.1"),
        ("SUBMISSION_PORT", "1"),
        ("SMTP_RELAY_HOST", "smtp.gmail.com"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    yield
    logger.remove()


def output(*arguments: str, status: int = 0, stdin: bytes | None = None) -> str:
    """Return the output of a command."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code == status, result.output
    return result.output


def test_replay_summary() -> None:
    """The summary has numbers, causes with the next step, and lines that were not understood."""
    text = output("replay", str(GOLDEN))
    assert "Mails received, by entry" in text
    assert "The relay refuses our user name or password. No retry can succeed." in text
    assert "Time by stage, slowest first" in text
    assert "a line of the future" in text


def test_replay_of_stdin_and_gzip(tmp_path: Path) -> None:
    """A log comes from standard input or compressed, with the same result."""
    packed = tmp_path / "mail.log.gz"
    packed.write_bytes(gzip.compress(GOLDEN.read_bytes()))
    plain = output("replay", "--format", "exposition", str(GOLDEN))
    assert plain == output("replay", "--format", "exposition", str(packed))
    assert plain == output("replay", "--format", "exposition", "-", stdin=GOLDEN.read_bytes())


def test_replay_of_nothing(tmp_path: Path) -> None:
    """An empty log has an empty summary."""
    (tmp_path / "empty").touch()
    assert output("replay", str(tmp_path / "empty")).strip() == ""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("/no/such/file",), id="no file"),
        pytest.param(("--tz", "Mars/Olympus", str(GOLDEN)), id="no time zone"),
    ],
)
def test_replay_fails(arguments: tuple[str, ...]) -> None:
    """A replay that fails prints one line with the reason."""
    assert output("replay", *arguments, status=2).startswith("mail-exporter replay: ")


def test_explain(tmp_path: Path) -> None:
    """A mail is found by the id of the API, also without the live queue."""
    with closing(Ledger.open(f"sqlite:///{tmp_path}/ledger.db")) as ledger:
        PipelineHarness(ledger).feed(*logs.accepted(), logs.deferred())
    text = output("explain", logs.API_ID)
    assert "in the queue, according to the log; the live queue can't be read now" in text
    assert "Make a new app password" in text


def test_explain_unknown() -> None:
    """An unknown id prints a message, with exit status 1."""
    assert "no mail found for nobody" in output("explain", "nobody", status=1)


def test_check(tmp_path: Path) -> None:
    """Every prerequisite is checked; a failure has a fix, and the exit status is 1."""
    (tmp_path / "mail.log").touch()
    lines = output("check", status=1).splitlines()
    assert [line.split()[:2] for line in lines if not line.startswith(" ")] == [
        ["ok", "log"],
        ["ok", "ledger"],
        ["FAILED", "queue"],
        ["FAILED", "certificate"],
        ["ok", "spool"],
    ]
    assert "Start mail-server" in lines[3]


def test_classify() -> None:
    """The output has the cause, the rule, the retry and the next step."""
    text = output("classify", "host x[1.2.3.4] said: 550 5.1.1 No such user (in reply to RCPT TO command)")
    assert text.splitlines()[0].startswith("cause      recipient: The recipient's address does not exist")
    assert text.splitlines()[1:3] == ["rule       unknown-mailbox", "retry      cannot succeed without a change"]
    assert text.splitlines()[3].startswith("next step  Correct the address")


def test_classify_a_bare_reply() -> None:
    """A reply without the text that Postfix adds has the same cause."""
    assert output("classify", "550 5.1.1 No such user").startswith("cause      recipient")


def test_classify_by_own_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules of CAUSE_RULES_FILE come first."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nname = "ours"\ncause = "rate"\ntext = "no such user"\nnext_step = "Call them."\n')
    monkeypatch.setenv("CAUSE_RULES_FILE", str(rules))
    assert output("classify", "550 5.1.1 No such user").splitlines()[1:] == [
        "rule       ours",
        "retry      can succeed without a change",
        "next step  Call them.",
    ]


def test_invalid_own_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable, the file, the rule and the field."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nname = "ours"\ncause = "nonsense"\ntext = "a"\n')
    monkeypatch.setenv("CAUSE_RULES_FILE", str(rules))
    text = output("classify", "550 no", status=2)
    assert f"CAUSE_RULES_FILE: {rules}: rule 1 (ours): cause 'nonsense' is none of auth" in text


def test_newer_ledger(tmp_path: Path) -> None:
    """`run` stops with one line when a newer version has migrated the ledger, and changes nothing."""
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    (line,) = output("run", status=2).splitlines()
    assert line.startswith("LEDGER_URL: ledger: cannot open")
    assert line.endswith("run the newer version, or restore a backup that is older")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"
    engine.dispose()
