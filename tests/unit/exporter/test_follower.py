"""The loop: one part that fails stops no other, and nothing is lost meanwhile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.core import Metric

from mail_exporter.follower import Follower
from mail_exporter.source import LogFollower
from mail_ledger import Ledger, LedgerError
from tests.unit.exporter import logs
from tests.unit.exporter.bench import Bench


class Flaky(Ledger):
    """A ledger that can be switched off."""

    down = False

    def checkpoint(self, **values: Any) -> None:  # noqa: ANN401 - as they are
        """Store, unless it is down."""
        if self.down:
            raise LedgerError("store", "it is down")
        super().checkpoint(**values)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Flaky]:
    """Return a new ledger."""
    opened = Flaky.open(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def bench(ledger: Flaky) -> Bench:
    """Return a pipeline on it."""
    return Bench(ledger)


@pytest.fixture
def follower(tmp_path: Path, bench: Bench) -> Iterator[Follower]:
    """Return a follower of `mail.log`, whose clock stands an hour behind noon."""
    noon = 1795348800.0
    with LogFollower(tmp_path / "mail.log", None) as source:
        yield Follower(source, bench.pipeline, lambda _: True, clock=lambda: noon + 3600)


def write(folder: Path, *lines: str) -> None:
    """Write behind what is there."""
    with (folder / "mail.log").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def told(read: Callable[[], Iterator[Metric]]) -> dict[str, float]:
    """Return the values of a part's metrics that have no labels."""
    return {sample.name: sample.value for family in read() for sample in family.samples}


def test_reads_and_stores(tmp_path: Path, follower: Follower, ledger: Flaky) -> None:
    """What is in the log is in the ledger once there is nothing more to read."""
    write(tmp_path, *logs.accepted())
    assert follower.step() == 0
    assert follower.step() > 0
    assert [row.queue_id for row in ledger.open_messages()] == [logs.QUEUE_ID]
    values = told(follower.log_metrics)
    assert values["mail_exporter_log_unread_bytes"] == 0
    assert values["mail_exporter_log_lag_seconds"] == 0
    assert values["mail_exporter_log_position_bytes"] == (tmp_path / "mail.log").stat().st_size
    assert values["mail_exporter_open_mails"] == 1


def test_lag(tmp_path: Path, follower: Follower) -> None:
    """While something is unread, the lag is the age of the newest line that was read."""
    write(tmp_path, *logs.accepted())
    follower.step()
    write(tmp_path, logs.removed())
    assert told(follower.log_metrics)["mail_exporter_log_lag_seconds"] == 3600


def test_ledger_that_is_down(tmp_path: Path, follower: Follower, ledger: Flaky, bench: Bench) -> None:
    """Metrics go on without the ledger, it is told, and what it missed is stored when it is back."""
    ledger.down = True
    write(tmp_path, *logs.accepted(), logs.sent())
    follower.step()
    follower.step()
    assert bench.value("postfix_messages_received_total", entry="api") == 1
    with pytest.raises(LedgerError):
        told(follower.ledger_metrics)
    write(tmp_path, logs.removed())
    follower.step()
    ledger.down = False
    follower.step()
    assert told(follower.ledger_metrics) == {"mail_exporter_ledger_pending_rows": 0}
    (mail,) = ledger.find_messages(logs.QUEUE_ID)
    assert mail.closed is not None
    assert len(ledger.attempts(mail.id)) == 1


def test_log_that_cannot_be_read(tmp_path: Path, follower: Follower, bench: Bench) -> None:
    """A log that can't be read is told, and read once it can."""
    (tmp_path / "mail.log").mkdir()
    assert follower.step() > 1
    with pytest.raises(IsADirectoryError):
        told(follower.log_metrics)
    (tmp_path / "mail.log").rmdir()
    write(tmp_path, *logs.accepted())
    follower.step()
    assert bench.value("postfix_messages_received_total", entry="api") == 1
    assert told(follower.log_metrics)["mail_exporter_log_gaps_total"] == 0
