"""The durable memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mail_ledger import Ledger, LedgerError, LogPosition

LOG = "/var/log/mail/mail.log"


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
    """A new ledger knows no position and no mail."""
    assert ledger.position(LOG) is None
    assert ledger.open_mails() == {}


def test_checkpoint_survives(ledger: Ledger, url: str) -> None:
    """What was stored is there for the next process."""
    position = LogPosition(8, "ab" * 32, 1 << 40)
    ledger.checkpoint(log=LOG, position=position, changed={"4jXS": {"size": 7}}, closed=[])
    again = Ledger.open(url)
    assert position == again.position(LOG)
    assert again.open_mails() == {"4jXS": {"size": 7}}
    again.close()


def test_checkpoint_replaces(ledger: Ledger) -> None:
    """A mail's newer state takes the older one's place, and a closed mail is gone."""
    first, second = LogPosition(8, "a", 1), LogPosition(8, "a", 2)
    ledger.checkpoint(log=LOG, position=first, changed={"A": {"n": 1}, "B": {"n": 1}}, closed=[])
    ledger.checkpoint(log=LOG, position=second, changed={"A": {"n": 2}}, closed=["B", "never seen"])
    assert ledger.open_mails() == {"A": {"n": 2}}
    assert second == ledger.position(LOG)


def test_many_mails(ledger: Ledger) -> None:
    """More mails than a statement has room for parameters are stored and closed at once."""
    mails = {f"Q{number}": {"n": number} for number in range(5000)}
    ledger.checkpoint(log=LOG, position=LogPosition(0, "", 1), changed=mails, closed=[])
    assert len(ledger.open_mails()) == 5000
    ledger.checkpoint(log=LOG, position=LogPosition(0, "", 2), changed={}, closed=list(mails))
    assert ledger.open_mails() == {}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("sqlite:////no/such/folder/ledger.db", "unable to open database file", id="no folder"),
        pytest.param("not a url", "LEDGER_URL", id="malformed"),
    ],
)
def test_open_fails(url: str, reason: str) -> None:
    """A database that cannot be opened is told with the reason."""
    with pytest.raises(LedgerError, match=reason):
        Ledger.open(url)


def test_password_is_not_told() -> None:
    """The error about a database names it without its password."""
    with pytest.raises(LedgerError) as raised:
        Ledger.open("sqlite://user:hunter2@/x")
    assert "hunter2" not in str(raised.value)
