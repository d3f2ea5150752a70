"""Crashes of the exporter: no row is lost or stored twice."""

import gzip
import itertools
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from mail_exporter.delivery_agents import RelayLabels
from mail_exporter.ledger_checkpoint import LedgerCheckpoint
from mail_exporter.log_line import LineReader
from mail_exporter.log_tail import Batch, LogTail
from mail_exporter.mail import Mail
from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.tracker import Tracker
from mail_ledger import AttemptRow, Ledger, MessageRow
from tests.unit import new_ledger
from tests.unit.exporter import logs
from tests.unit.exporter.harness import NOW

Contents = tuple[list[MessageRow], list[AttemptRow]]
OTHER = "4jXSsQ52xGzDhqX"


def mixed_lines() -> list[str]:
    """Return two mails' lines that are interleaved, one mail deferred and then sent, the other sent and still open."""
    return [
        *logs.accepted(trace=None),
        *logs.accepted(OTHER),
        logs.deferred(),
        logs.sent(OTHER),
        "foreign and malformed",
        # Another second: files are identified by their first bytes, which differ in real logs.
        logs.active(second=1),
        logs.sent(delay="300"),
        logs.removed(),
    ]


def pipeline(log: Path, ledger: Ledger) -> Pipeline:
    """Return the pipeline of a new process."""
    tracker = Tracker()
    tracker.restore(map(Mail.of_row, ledger.open_messages()))
    relays = RelayLabels("smtp.gmail.com")
    return Pipeline(
        lines=LineReader(),
        tracker=tracker,
        metrics=LogMetrics(CollectorRegistry(), relays),
        checkpoint=LedgerCheckpoint(ledger, str(log), relays, position=ledger.position(str(log))),
        now=lambda: NOW,
    )


def run(log: Path, ledger: Ledger, *, killed_after: int | None = None) -> None:
    """Read all lines in one process, one line per batch; stop before a batch is stored."""
    stored = 0
    with LogTail(log, ledger.position(str(log))) as source:
        ours = pipeline(log, ledger)
        while (batch := source.read()) is not None:
            for end in range(1, len(batch.lines) + 1):
                # The position after each line, as in a batch of one line.
                behind = sum(len(line.encode()) + 1 for line in batch.lines[end:])
                position = batch.position._replace(offset=batch.position.offset - behind)
                ours.process(Batch(batch.lines[end - 1 : end], position))
                if stored == killed_after:
                    return
                ours.store()
                stored += 1


def contents(ledger: Ledger) -> Contents:
    """Return all rows of the ledger."""
    mails = [mail for name in (logs.QUEUE_ID, OTHER) for mail in ledger.find_messages(name)]
    return mails, [attempt for mail in mails for attempt in ledger.attempts(mail.id)]


@cache
def expected() -> Contents:
    """Return the rows that an uninterrupted run stores."""
    with TemporaryDirectory() as name, closing(new_ledger.in_memory()) as ledger:
        log = Path(name) / "whole.log"
        log.write_text("".join(f"{line}\n" for line in mixed_lines()))
        run(log, ledger)
        return contents(ledger)


def rotations(lines: list[str], cuts: list[int]) -> Iterator[list[str]]:
    """Yield the lines of each file, cut at the given places."""
    edges = [0, *sorted(cuts), len(lines)]
    for begin, end in itertools.pairwise(edges):
        yield lines[begin:end]


@pytest.mark.slow
def test_a_crash_at_every_record() -> None:
    """After a crash at any record, the next run completes the ledger without loss or duplicates."""
    lines = mixed_lines()
    with TemporaryDirectory() as name:
        folder = Path(name)
        whole = expected()
        log = folder / "mail.log"
        log.write_text("".join(f"{line}\n" for line in lines))
        for record in range(len(lines)):
            with closing(new_ledger.in_memory()) as ledger:
                run(log, ledger, killed_after=record)
                run(log, ledger)
                assert contents(ledger) == whole, f"killed at record {record}"
    assert len(whole[1]) == 3


@pytest.mark.slow
@settings(max_examples=25)
@given(
    crashes=st.lists(st.integers(0, 14), max_size=5),
    cuts=st.lists(st.integers(1, 14), max_size=3, unique=True),
    compress=st.booleans(),
)
def test_crashes_and_rotations(crashes: list[int], cuts: list[int], *, compress: bool) -> None:
    """After any crashes and rotations, compressed or not, the ledger equals that of one uninterrupted run."""
    lines = mixed_lines()
    with TemporaryDirectory() as name, closing(new_ledger.in_memory()) as ledger:
        folder = Path(name)
        log = folder / "mail.log"
        for number, part in enumerate(rotations(lines, cuts)):
            if log.exists():
                rotated = log.rename(folder / f"mail.log.2026112{number}-000000")
                if compress:
                    Path(f"{rotated}.gz").write_bytes(gzip.compress(rotated.read_bytes()))
                    rotated.unlink()
            log.write_text("".join(f"{line}\n" for line in part))
            if crashes:
                run(log, ledger, killed_after=crashes.pop())
        run(log, ledger)
        assert contents(ledger) == expected()
