"""A reader that is killed at any point: nothing lost, nothing twice in the ledger."""

import gzip
import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from mail_exporter.book import Book
from mail_exporter.mail import Mail
from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.record import RecordReader
from mail_exporter.relays import Relays
from mail_exporter.source import Batch, LogFollower
from mail_exporter.tracker import Tracker
from mail_ledger import AttemptRow, Ledger, MessageRow
from tests.unit import new_ledger
from tests.unit.exporter import logs
from tests.unit.exporter.bench import NOW

Contents = tuple[list[MessageRow], list[AttemptRow]]
OTHER = "4jXSsQ52xGzDhqX"


def story() -> list[str]:
    """Return two mails' lines that are interleaved, one mail deferred and then sent, the other sent and still open."""
    return [
        *logs.accepted(trace=None),
        *logs.accepted(OTHER),
        logs.deferred(),
        logs.sent(OTHER),
        "foreign and malformed",
        # Another second: files are told apart by how they begin, and no two of a real log begin alike.
        logs.active(second=1),
        logs.sent(delay="300"),
        logs.removed(),
    ]


def pipeline(log: Path, ledger: Ledger) -> Pipeline:
    """Return a pipeline as a new process makes it."""
    tracker = Tracker()
    tracker.restore(map(Mail.of_row, ledger.open_messages()))
    relays = Relays("smtp.gmail.com")
    return Pipeline(
        records=RecordReader(),
        tracker=tracker,
        metrics=LogMetrics(CollectorRegistry(), relays),
        book=Book(ledger, str(log), relays, position=ledger.position(str(log))),
        now=lambda: NOW,
    )


def run(log: Path, ledger: Ledger, *, killed_after: int | None = None) -> None:
    """Read what is there as one process does, a line in each batch; killed before the next is stored."""
    stored = 0
    with LogFollower(log, ledger.position(str(log))) as source:
        ours = pipeline(log, ledger)
        while (batch := source.read()) is not None:
            for end in range(1, len(batch.lines) + 1):
                # The position behind each line, as if it had been read by itself.
                behind = sum(len(line.encode()) + 1 for line in batch.lines[end:])
                position = batch.position._replace(offset=batch.position.offset - behind)
                ours.process(Batch(batch.lines[end - 1 : end], position))
                if stored == killed_after:
                    return
                ours.store()
                stored += 1


def contents(ledger: Ledger) -> Contents:
    """Return everything the ledger holds."""
    mails = [mail for name in (logs.QUEUE_ID, OTHER) for mail in ledger.find_messages(name)]
    return mails, [attempt for mail in mails for attempt in ledger.attempts(mail.id)]


def expected(folder: Path, lines: list[str]) -> Contents:
    """Return what a run that nobody interrupts stores."""
    log = folder / "whole.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    with closing(new_ledger.in_memory()) as ledger:
        run(log, ledger)
        return contents(ledger)


def rotations(lines: list[str], cuts: list[int]) -> Iterator[list[str]]:
    """Yield the lines of each file, cut at the given places."""
    edges = [0, *sorted(cuts), len(lines)]
    for begin, end in itertools.pairwise(edges):
        yield lines[begin:end]


def test_a_crash_at_every_record() -> None:
    """Wherever the reader is killed, the next one completes the ledger as if nothing had been."""
    lines = story()
    with TemporaryDirectory() as name:
        folder = Path(name)
        whole = expected(folder, lines)
        log = folder / "mail.log"
        log.write_text("".join(f"{line}\n" for line in lines))
        for record in range(len(lines)):
            with closing(new_ledger.in_memory()) as ledger:
                run(log, ledger, killed_after=record)
                run(log, ledger)
                assert contents(ledger) == whole, f"killed at record {record}"
    assert len(whole[1]) == 3


@settings(max_examples=25)
@given(
    crashes=st.lists(st.integers(0, 14), max_size=5),
    cuts=st.lists(st.integers(1, 14), max_size=3, unique=True),
    compress=st.booleans(),
)
def test_crashes_and_rotations(crashes: list[int], cuts: list[int], *, compress: bool) -> None:
    """Any crashes, over files that are rotated meanwhile, compressed or not: the ledger is that of one quiet run."""
    lines = story()
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
        assert contents(ledger) == expected(folder, lines)
