"""`mail-exporter replay`: a log that is over, taken through the pipeline at once; a summary or the exposition out."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from prometheus_client import CollectorRegistry

from mail_exporter.metrics import LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.record import RecordReader
from mail_exporter.relays import Relays
from mail_exporter.samples import Samples
from mail_exporter.source import Batch, LogFile, decoded, open_log
from mail_exporter.tracker import Tracker
from mail_ledger import LogPosition

STDIN: Final = "-"
_READ_BYTES: Final = 1 << 17
_LINE_BYTES: Final = 1 << 16
_NOWHERE: Final = LogPosition(0, "", 0)

Progress = Callable[[int], None]
"""Is told how many bytes were read, after each block."""


def replay(  # noqa: PLR0913 - each is one option of the command
    files: Iterable[str],
    registry: CollectorRegistry,
    *,
    relay: str | None = None,
    zone: tzinfo = UTC,
    year: int | None = None,
    syslog_names: Iterable[str],
    progress: Progress = lambda _: None,
) -> tuple[LogMetrics, list[str]]:
    """Take the files through, in their order; return what was counted, and samples of what was not understood.

    Args:
        files: paths, compressed ones too, or `-` for standard input.
        registry: where the metrics are registered.
        relay: the configured relay's name.
        zone: what stamps without a zone mean.
        year: the year in which the log ends; the latest possible by default.
        syslog_names: Postfix's names in the log.
        progress: is told how far reading is.

    Raises:
        OSError: a file can't be read.
    """
    unknown = Samples()
    metrics = LogMetrics(registry, Relays(relay), partial(unknown.once, "reply of unknown cause"))
    # Stamps up to a week ahead of the clock are taken for this year's: see stamp.py.
    now = datetime.now(UTC) if year is None else datetime(year, 12, 24, 23, 59, 59, tzinfo=UTC)
    pipeline = Pipeline(records=RecordReader(zone, syslog_names), tracker=Tracker(), metrics=metrics, now=lambda: now)
    done = 0
    for name in files:
        with nullcontext(sys.stdin.buffer) if name == STDIN else open_log(Path(name)) as file:
            for size, lines in _blocks(file):
                pipeline.process(Batch(lines, _NOWHERE))
                done += size
                progress(done)
    return metrics, [*pipeline.not_understood, *unknown.texts]


def _blocks(file: LogFile | BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yield blocks of whole lines with their length in bytes."""
    partial = b""
    while data := file.read(_READ_BYTES):
        complete, newline, rest = data.rpartition(b"\n")
        if newline:
            yield len(data), decoded(partial + complete)
            partial = b""
        partial = (partial + rest)[:_LINE_BYTES]
    if partial:
        yield 0, decoded(partial)
