"""`mail-exporter replay`: process existing logs at once, and return the metrics and a summary as text."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from prometheus_client import CollectorRegistry

from mail_exporter.delivery_agents import RelayLabels
from mail_exporter.events import STAGES
from mail_exporter.log_line import LineReader
from mail_exporter.log_once import LogOnce
from mail_exporter.log_tail import Batch, LogFile, decode_lines, open_log
from mail_exporter.metrics import CounterTable, Histogram, LogMetrics
from mail_exporter.pipeline import Pipeline
from mail_exporter.tracker import Tracker
from mail_ledger import LogPosition
from mail_telemetry.causes import EXPLANATIONS, Cause
from mail_telemetry.names import Outcome

STDIN: Final = "-"
_READ_BYTES: Final = 1 << 17
_LINE_BYTES: Final = 1 << 16
_NOWHERE: Final = LogPosition(0, "", 0)

Progress = Callable[[int], None]
"""Called after each block with the number of bytes read so far."""

_STAGE_WORDS = {
    "before_queue_manager": "receiving",
    "queue_manager": "waiting in the queue",
    "connection_setup": "connecting (DNS, TCP, TLS, login)",
    "transmission": "transmitting",
}
_WIDTH = 34
_SAMPLES = 10


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
    """Process the files in order; return the metrics, and one text of each kind that was not understood.

    Args:
        files: paths of plain or gzip files, or `-` for standard input.
        registry: where the metrics are registered.
        relay: the configured relay's name.
        zone: the time zone of timestamps without a zone.
        year: the year of the last line; by default the latest possible year.
        syslog_names: Postfix's names in the log.
        progress: called after each block.

    Raises:
        OSError: a file can't be read.
    """
    unknown = LogOnce()
    metrics = LogMetrics(registry, RelayLabels(relay), partial(unknown.warn, "reply of unknown cause"))
    # A timestamp up to a week ahead of the clock is in the current year: see `parse_timestamp`.
    now = datetime.now(UTC) if year is None else datetime(year, 12, 24, 23, 59, 59, tzinfo=UTC)
    pipeline = Pipeline(lines=LineReader(zone, syslog_names), tracker=Tracker(), metrics=metrics, now=lambda: now)
    done = 0
    for name in files:
        with nullcontext(sys.stdin.buffer) if name == STDIN else open_log(Path(name)) as file:
            for size, lines in _blocks(file):
                pipeline.process(Batch(lines, _NOWHERE))
                done += size
                progress(done)
    return metrics, [*pipeline.not_understood, *unknown.texts]


def _blocks(file: LogFile | BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yield blocks of complete lines with their length in bytes."""
    partial = b""
    while data := file.read(_READ_BYTES):
        complete, newline, rest = data.rpartition(b"\n")
        if newline:
            yield len(data), decode_lines(partial + complete)
            partial = b""
        partial = (partial + rest)[:_LINE_BYTES]
    if partial:
        yield 0, decode_lines(partial)


def summary(metrics: LogMetrics, not_understood: Sequence[str]) -> str:
    """Return the summary of a replay as text; `not_understood` are lines and replies of unknown kind."""
    return "\n".join((*_lines(metrics), *_samples(not_understood))) + "\n"


def _samples(not_understood: Sequence[str]) -> Iterator[str]:
    if not_understood:
        yield "Not understood, one line of each kind"
        yield from (f"  {text}" for text in not_understood[:_SAMPLES])
        if len(not_understood) > _SAMPLES:
            yield f"  and {len(not_understood) - _SAMPLES} more"
        yield ""


def _lines(metrics: LogMetrics) -> Iterator[str]:
    yield from _part("Lines", _by_label(metrics.lines, 0))
    yield from _part("Mails received, by entry", _by_label(metrics.received, 0))
    yield from _part("Recipients, by outcome", _by_label(metrics.finished, 0))
    yield from _part("Attempts, by status", _by_label(metrics.attempts, 0))
    yield from _part("Attempts, by relay", _by_label(metrics.attempts, 1))
    yield from _failures(metrics)
    yield from _times(metrics)
    yield from _part("Failed hosts before another one, by relay", _by_label(metrics.host_failures, 0))
    yield from _part("Rejected clients, by reason", _by_label(metrics.rejects, 1))
    yield from _part("Failed logins, by entry", _by_label(metrics.auth_failures, 0))
    yield from _part("Bounces and notices", _by_label(metrics.notices, 0))
    yield from _part("Postfix starts, reloads and stops", _by_label(metrics.turns, 0))
    yield from _part("Log lines with a severity", _by_label(metrics.complaints, 0))
    yield from _part("Log lines about configuration and sessions", _by_label(metrics.notes, 0))


def _failures(metrics: LogMetrics) -> Iterator[str]:
    failed = _by_label(metrics.failures, 0)
    suspended = _by_label(metrics.suspended, 0)
    if not failed and not suspended:
        return
    yield "Relay failures by cause, most frequent first"
    for cause in sorted(failed | suspended, key=lambda cause: -failed.get(cause, 0)):
        explanation = EXPLANATIONS[Cause(cause)]
        more = f", and {suspended[cause]:,} attempts skipped because of it" if cause in suspended else ""
        verdict = "A retry can succeed." if explanation.retry_can_succeed else "No retry can succeed."
        yield f"  {cause:<{_WIDTH}} {failed.get(cause, 0):>9,}{more}"
        yield f"      {explanation.meaning} {verdict}"
        yield f"      {explanation.next_step}"
    yield ""


def _times(metrics: LogMetrics) -> Iterator[str]:
    stages = [(_STAGE_WORDS[stage], metrics.stages[stage]) for stage in STAGES]
    ends = [(f"arrival to end, {outcome}", metrics.durations[outcome]) for outcome in Outcome]
    rows = [(words, histogram) for words, histogram in (*stages, *ends) if sum(histogram.counts)]
    if not rows:
        return
    yield f"{'Time by stage, slowest first':<{_WIDTH + 6}}   mean   95 % within"
    for words, histogram in sorted(rows, key=lambda row: -_mean(row[1])):
        yield f"  {words:<{_WIDTH + 2}} {_seconds(_mean(histogram)):>8} {_within(histogram):>12}"
    yield ""


def _part(title: str, values: dict[str, int]) -> Iterator[str]:
    if not values:
        return
    yield title
    yield from (f"  {name:<{_WIDTH}} {value:>9,}" for name, value in values.items())
    yield ""


def _by_label(table: CounterTable, index: int) -> dict[str, int]:
    """Return the sums by the value of one label, the largest first, without zeros."""
    sums: dict[str, int] = {}
    for labels, value in table.values.items():
        sums[labels[index]] = sums.get(labels[index], 0) + value
    return dict(sorted(((name, value) for name, value in sums.items() if value), key=lambda item: -item[1]))


def _mean(histogram: Histogram) -> float:
    return histogram.total / sum(histogram.counts)


def _within(histogram: Histogram) -> str:
    """Return the smallest bound that 95 % of the values do not exceed."""
    needed, found = 0.95 * sum(histogram.counts), 0
    for bound, count in zip(histogram.bounds, histogram.counts, strict=False):
        found += count
        if found >= needed:
            return _seconds(bound)
    return f"over {_seconds(histogram.bounds[-1])}"


def _seconds(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
