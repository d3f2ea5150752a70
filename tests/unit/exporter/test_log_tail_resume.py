"""Several mail servers on one ledger: each exporter continues at its own position."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from mail_exporter.log_tail import HEAD_BYTES, LogTail, resume_position
from mail_exporter.run import make_pipeline
from mail_exporter.settings import Settings
from mail_ledger import Ledger, LedgerError, LogPosition
from mail_ledger.log_positions import PositionTaken
from tests.unit.exporter import logs

SHORT_ID = "127C519E06E"
LOG = "/var/log/mail/mail.log"


class OnePath(Ledger):
    """A ledger that stores all positions under one path, like hosts with separate file systems."""

    def positions(self, log: str) -> dict[str, LogPosition]:  # noqa: ARG002 - whichever it is
        """Return the positions of all logs."""
        return super().positions(LOG)

    def checkpoint(self, **values: Any) -> None:  # noqa: ANN401 - as they are
        """Store under the one path."""
        super().checkpoint(**{**values, "log": LOG})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a new ledger."""
    opened = OnePath.open(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.close()


class Host:
    """A host with a mail server and an exporter; the log has the same path on every host."""

    def __init__(self, ledger: Ledger, log: Path, name: str) -> None:
        self.ledger = ledger
        self.log = log
        self.name = name

    def start(self) -> None:
        """Start a new exporter."""
        settings = Settings.model_validate({"mail_hostname": self.name, "mail_log_file": self.log})
        position = resume_position(self.ledger, self.log, settings.server)
        self.source = LogTail(self.log, position)
        self.pipeline = make_pipeline(settings, CollectorRegistry(), self.ledger, None, position)

    def reads(self, *lines: str) -> None:
        """Write lines to the log, read and store them."""
        with self.log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        while (batch := self.source.read()) is not None:
            self.pipeline.process(batch)
        self.pipeline.store()


@pytest.fixture
def hosts(ledger: Ledger, tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    """Return two hosts with running exporters."""
    one, two = (Host(ledger, tmp_path / name / "mail.log", f"{name}.example.org") for name in ("one", "two"))
    for host in (one, two):
        host.log.parent.mkdir()
        host.start()
    yield one, two
    for host in (one, two):
        host.source.__exit__()


def full_head() -> Iterator[str]:
    """Yield enough lines to identify the log."""
    return (logs.line("smtpd", f"connect from host{number}[10.0.0.1]") for number in range(HEAD_BYTES // 40))


def test_same_queue_id(ledger: Ledger, hosts: tuple[Host, Host]) -> None:
    """Two mails with the same queue id on two servers stay separate."""
    one, two = hosts
    for host in hosts:
        host.reads(*logs.accepted(SHORT_ID))
    one.reads(logs.sent(SHORT_ID), logs.removed(SHORT_ID))
    two.reads(logs.deferred(SHORT_ID))
    found = {mail.server: mail for mail in ledger.find_messages(SHORT_ID)}
    states = {name: [attempt.status for attempt in ledger.attempts(mail.id)] for name, mail in found.items()}
    assert states == {"one.example.org": ["sent"], "two.example.org": ["deferred"]}
    assert [mail.queue_id for mail in ledger.open_messages("two.example.org")] == [SHORT_ID]


def test_restart(ledger: Ledger, hosts: tuple[Host, Host]) -> None:
    """A restarted exporter continues at its own position with its own open mails."""
    one, two = hosts
    one.reads(*logs.accepted())
    two.reads(logs.line("smtpd", "connect from x[10.0.0.1]"))
    one.source.__exit__()
    one.start()
    assert one.pipeline.open_mails == 1
    one.reads(logs.sent(), logs.removed())
    (mail,) = ledger.find_messages(logs.QUEUE_ID)
    assert mail.closed is not None
    assert one.source.gaps + two.source.gaps == 0


def test_renamed_server(ledger: Ledger, hosts: tuple[Host, Host]) -> None:
    """A server with a new MAIL_HOSTNAME is identified by its log: nothing is read twice, open mails are kept."""
    one, _ = hosts
    one.reads(*full_head(), *logs.accepted())
    position = ledger.position(LOG, one.name)
    one.source.__exit__()
    one.name = "mx.example.org"
    one.start()
    assert ledger.position(LOG, "mx.example.org") == position
    assert one.pipeline.open_mails == 1
    one.reads(logs.sent(), logs.removed())
    (mail,) = ledger.find_messages(logs.QUEUE_ID)
    assert (mail.server, mail.closed is None) == ("mx.example.org", False)
    assert len(ledger.attempts(mail.id)) == 1


def test_server_that_had_no_name(ledger: Ledger, hosts: tuple[Host, Host]) -> None:
    """Rows of an earlier version belong to the server whose log they match."""
    one, two = hosts
    one.reads(*logs.accepted())
    ledger.rename_server(one.name, "")
    two.reads(logs.line("smtpd", "connect from x[10.0.0.1]"))
    for host in (two, one):
        host.source.__exit__()
        host.start()
    assert (two.pipeline.open_mails, one.pipeline.open_mails) == (0, 1)


def test_young_logs(ledger: Ledger, hosts: tuple[Host, Host]) -> None:
    """Two servers whose logs begin with the same bytes are not confused."""
    one, two = hosts
    start = logs.line("postfix-script", "starting the Postfix mail system")
    one.reads(start)
    two.log.write_text(f"{start}\n")
    two.source.__exit__()
    two.start()
    two.reads()
    assert set(ledger.positions(LOG)) == {one.name, two.name}


def test_two_servers_with_one_name(ledger: Ledger, hosts: tuple[Host, Host]) -> None:
    """Two servers with the same name are detected, and the second one's rows are not stored."""
    one, two = hosts
    two.name = one.name
    two.source.__exit__()
    two.start()
    one.reads(*logs.accepted())
    with pytest.raises(PositionTaken, match="a MAIL_HOSTNAME of its own"):
        two.reads(*logs.accepted(SHORT_ID))
    assert ledger.find_messages(SHORT_ID) == []
    with pytest.raises(LedgerError):
        two.pipeline.store()
