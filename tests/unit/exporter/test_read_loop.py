"""Read loop: a failure of log or ledger stops nothing else, and nothing is lost."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.core import Metric

from mail_exporter.log_tail import LogTail
from mail_exporter.read_loop import ReadLoop
from mail_ledger import Ledger, LedgerError
from tests.unit.exporter import logs
from tests.unit.exporter.harness import PipelineHarness


class Flaky(Ledger):
    """A ledger that can be made to fail."""

    down = False

    def checkpoint(self, **values: Any) -> None:  # noqa: ANN401 - as they are
        """Store, or fail while it is down."""
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
def harness(ledger: Flaky) -> PipelineHarness:
    """Return a pipeline on the ledger."""
    return PipelineHarness(ledger)


@pytest.fixture
def loop(tmp_path: Path, harness: PipelineHarness) -> Iterator[ReadLoop]:
    """Return a loop on `mail.log`; its clock is an hour ahead of the log."""
    noon = 1795348800.0
    with LogTail(tmp_path / "mail.log", None) as source:
        yield ReadLoop(source, harness.pipeline, lambda _: True, clock=lambda: noon + 3600)


def write(folder: Path, *lines: str) -> None:
    """Append to the log."""
    with (folder / "mail.log").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def values(read: Callable[[], Iterator[Metric]]) -> dict[str, float]:
    """Return the values of a collector's metrics without labels."""
    return {sample.name: sample.value for family in read() for sample in family.samples}


def test_reads_and_stores(tmp_path: Path, loop: ReadLoop, ledger: Flaky) -> None:
    """All log lines are in the ledger when there is nothing more to read."""
    write(tmp_path, *logs.accepted())
    assert loop.step() == 0
    assert loop.step() > 0
    assert [row.queue_id for row in ledger.open_messages()] == [logs.QUEUE_ID]
    found = values(loop.log_metrics)
    assert found["mail_exporter_log_unread_bytes"] == 0
    assert found["mail_exporter_log_lag_seconds"] == 0
    assert found["mail_exporter_log_position_bytes"] == (tmp_path / "mail.log").stat().st_size
    assert found["mail_exporter_open_mails"] == 1


def test_lag(tmp_path: Path, loop: ReadLoop) -> None:
    """While something is unread, the lag is the age of the newest line that was read."""
    write(tmp_path, *logs.accepted())
    loop.step()
    write(tmp_path, logs.removed())
    assert values(loop.log_metrics)["mail_exporter_log_lag_seconds"] == 3600


def test_ledger_that_is_down(tmp_path: Path, loop: ReadLoop, ledger: Flaky, harness: PipelineHarness) -> None:
    """While the ledger is down, metrics continue and its collector fails; later all rows are stored."""
    ledger.down = True
    write(tmp_path, *logs.accepted(), logs.sent())
    loop.step()
    loop.step()
    assert harness.value("postfix_messages_received_total", entry="api") == 1
    with pytest.raises(LedgerError):
        values(loop.ledger_metrics)
    write(tmp_path, logs.removed())
    loop.step()
    ledger.down = False
    loop.step()
    assert values(loop.ledger_metrics) == {"mail_exporter_ledger_pending_rows": 0}
    (mail,) = ledger.find_messages(logs.QUEUE_ID)
    assert mail.closed is not None
    assert len(ledger.attempts(mail.id)) == 1


def test_log_that_cannot_be_read(tmp_path: Path, loop: ReadLoop, harness: PipelineHarness) -> None:
    """A log that can't be read is reported, and read later."""
    (tmp_path / "mail.log").mkdir()
    assert loop.step() > 1
    with pytest.raises(IsADirectoryError):
        values(loop.log_metrics)
    (tmp_path / "mail.log").rmdir()
    write(tmp_path, *logs.accepted())
    loop.step()
    assert harness.value("postfix_messages_received_total", entry="api") == 1
    assert values(loop.log_metrics)["mail_exporter_log_gaps_total"] == 0
