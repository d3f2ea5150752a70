"""The exporter's ledger: positions, mails and attempts in one checkpoint."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mail_ledger import AttemptRow, Ledger, LedgerError, LogPosition, MessageRow
from mail_ledger.log_positions import PositionTaken
from tests.unit.ledger.fakes import attempt_row, message_row

LOG = "/var/log/mail/mail.log"
FIRST, SECOND = LogPosition(8, "ab" * 32, 1 << 40), LogPosition(8, "ab" * 32, 2 << 40)


def mail(queue_id: str, **values: Any) -> MessageRow:  # noqa: ANN401 - any column
    """Return the row of a mail."""
    return message_row(id=queue_id, queue_id=queue_id, **values)


def attempt(message: str, ordinal: int = 1) -> AttemptRow:
    """Return the row of an attempt."""
    return attempt_row(mail(message), ordinal=ordinal, number=ordinal, ended=1795350202.0 + ordinal)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """Return a new ledger."""
    opened = Ledger.open(url)
    yield opened
    opened.close()


def test_empty(ledger: Ledger) -> None:
    """A new ledger has no position and no mail."""
    assert ledger.position(LOG) is None
    assert list(ledger.open_messages()) == []
    assert ledger.find_messages("4jXS") == []


def test_checkpoint_survives(ledger: Ledger, url: str) -> None:
    """A stored checkpoint is read by the next process."""
    ledger.checkpoint(log=LOG, position=FIRST, messages=[mail("4jXS")], attempts=[attempt("4jXS")])
    again = Ledger.open(url)
    assert again.position(LOG) == FIRST
    assert list(again.open_messages()) == [mail("4jXS")]
    assert again.attempts("4jXS") == [attempt("4jXS")]
    again.close()


def test_checkpoint_replaces(ledger: Ledger) -> None:
    """A changed mail replaces its row, and its attempts stay."""
    ledger.checkpoint(log=LOG, position=FIRST, messages=[mail("A"), mail("B")], attempts=[attempt("A")])
    ledger.checkpoint(log=LOG, position=SECOND, messages=[mail("A", size=9), mail("B", closed=1.0)], attempts=[])
    assert list(ledger.open_messages()) == [mail("A", size=9)]
    assert ledger.attempts("A") == [attempt("A")]
    assert ledger.position(LOG) == SECOND


def test_all_or_nothing(ledger: Ledger) -> None:
    """A checkpoint that fails stores nothing."""
    ledger.checkpoint(log=LOG, position=FIRST, messages=[mail("A")], attempts=[attempt("A")])
    with pytest.raises(LedgerError):
        ledger.checkpoint(log=LOG, position=SECOND, messages=[mail("B")], attempts=[attempt("of no mail")])
    assert ledger.position(LOG) == FIRST
    assert list(ledger.open_messages()) == [mail("A")]


def test_stored_again(ledger: Ledger) -> None:
    """A checkpoint can be stored again after a lost connection, without duplicates."""
    for _ in range(2):
        ledger.checkpoint(log=LOG, position=FIRST, messages=[mail("A")], attempts=[attempt("A")], after=(None, FIRST))
    assert ledger.attempts("A") == [attempt("A")]


def test_two_mail_servers(ledger: Ledger) -> None:
    """Two mail servers with the same log path have separate positions and open mails."""
    ledger.checkpoint(server="one", log=LOG, position=FIRST, messages=[mail("A", server="one")], attempts=[])
    ledger.checkpoint(server="two", log=LOG, position=SECOND, messages=[mail("B", server="two")], attempts=[])
    assert (FIRST, SECOND, None) == tuple(ledger.position(LOG, server) for server in ("one", "two", ""))
    assert [row.id for row in ledger.open_messages("one")] == ["A"]
    assert [row.id for row in ledger.open_messages("two")] == ["B"]


def test_position_of_another_exporter(ledger: Ledger, url: str) -> None:
    """A second exporter with the same server name stores nothing; the error names the fix."""
    ledger.checkpoint(server="one", log=LOG, position=FIRST, messages=[], attempts=[], after=[None])
    other = Ledger.open(url)
    with pytest.raises(PositionTaken, match=r"mail server one; give each mail server a MAIL_HOSTNAME of its own"):
        other.checkpoint(server="one", log=LOG, position=SECOND, messages=[mail("B")], attempts=[], after=[None])
    other.close()
    assert ledger.position(LOG, "one") == FIRST
    assert ledger.find_messages("B") == []


def test_another_name(ledger: Ledger) -> None:
    """A server that is renamed keeps its position and its open mails."""
    row = mail("A", server="one")
    ledger.checkpoint(server="one", log=LOG, position=FIRST, messages=[row], attempts=[])
    ledger.rename_server("one", "two")
    assert ledger.positions(LOG) == {"two": FIRST}
    assert list(ledger.open_messages("two")) == [row._replace(server="two")]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("4jXS", id="queue id"),
        pytest.param("msg_1", id="message id"),
        pytest.param("<x@y.example>", id="Message-ID"),
        pytest.param("x@y.example", id="Message-ID without brackets"),
    ],
)
def test_find(ledger: Ledger, name: str) -> None:
    """A mail is found by each of its names."""
    row = mail("4jXS", api_id="msg_1", message_id="<x@y.example>")
    ledger.checkpoint(log=LOG, position=FIRST, messages=[row, mail("other")], attempts=[])
    assert ledger.find_messages(name) == [row]


def test_many_mails(ledger: Ledger) -> None:
    """More mails than the parameter limit of a statement are stored at once."""
    rows = [mail(f"Q{number}") for number in range(5000)]
    ledger.checkpoint(log=LOG, position=FIRST, messages=rows, attempts=[])
    assert len(list(ledger.open_messages())) == 5000


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("sqlite:////no/such/folder/ledger.db", "unable to open database file", id="no folder"),
        pytest.param("not a url", "LEDGER_URL", id="malformed"),
        pytest.param("postgresql+nothing://x/y", "nothing", id="no driver"),
    ],
)
def test_open_fails(url: str, reason: str) -> None:
    """A database that cannot be opened raises an error with the reason."""
    with pytest.raises(LedgerError, match=reason):
        Ledger.open(url)


def test_error_without_password() -> None:
    """The error about a database does not contain its password."""
    with pytest.raises(LedgerError) as raised:
        Ledger.open("sqlite://user:hunter2@/x")
    assert "hunter2" not in str(raised.value)
