"""What a log amounts to, for a person: how much, what failed and what to do, where the time went."""

from collections.abc import Iterator, Sequence

from mail_exporter.events import STAGES
from mail_exporter.metrics import LogMetrics
from mail_exporter.tables import Buckets, CounterTable
from mail_telemetry.causes import EXPLANATIONS, Cause
from mail_telemetry.names import Outcome

_STAGE_WORDS = {
    "before_queue_manager": "receiving",
    "queue_manager": "waiting in the queue",
    "connection_setup": "connecting (DNS, TCP, TLS, login)",
    "transmission": "transmitting",
}
_WIDTH = 34
_SAMPLES = 10


def summary(metrics: LogMetrics, not_understood: Sequence[str]) -> str:
    """Return the summary, as text of some dozens of lines; `not_understood` are samples of lines and replies."""
    return "\n".join((*_lines(metrics), *_samples(not_understood))) + "\n"


def _samples(not_understood: Sequence[str]) -> Iterator[str]:
    if not_understood:
        yield "Not understood, one of each kind"
        yield from (f"  {text}" for text in not_understood[:_SAMPLES])
        if len(not_understood) > _SAMPLES:
            yield f"  and {len(not_understood) - _SAMPLES} more"
        yield ""


def _lines(metrics: LogMetrics) -> Iterator[str]:
    yield from _part("Lines", _by_label(metrics.lines, 0))
    yield from _part("Mails received, by entry", _by_label(metrics.received, 0))
    yield from _part("Recipients, by what became of them", _by_label(metrics.finished, 0))
    yield from _part("Attempts, by status", _by_label(metrics.attempts, 0))
    yield from _part("Attempts, by relay", _by_label(metrics.attempts, 1))
    yield from _failures(metrics)
    yield from _times(metrics)
    yield from _part("Refused at the door, by reason", _by_label(metrics.rejects, 1))
    yield from _part("Failed logins of clients, by entry", _by_label(metrics.auth_failures, 0))
    yield from _part("Bounces and notices", _by_label(metrics.notices, 0))
    yield from _part("Postfix itself", _by_label(metrics.turns, 0))
    yield from _part("Warnings and worse", _by_label(metrics.complaints, 0))


def _failures(metrics: LogMetrics) -> Iterator[str]:
    failed = _by_label(metrics.failures, 0)
    suspended = _by_label(metrics.suspended, 0)
    if not failed and not suspended:
        return
    yield "Why the relay did not take mail, the most frequent first"
    for cause in sorted(failed | suspended, key=lambda cause: -failed.get(cause, 0)):
        explanation = EXPLANATIONS[Cause(cause)]
        more = f", and {suspended[cause]:,} not tried because of it" if cause in suspended else ""
        verdict = "A retry can succeed." if explanation.retry_can_succeed else "No retry can succeed."
        yield f"  {cause:<{_WIDTH}} {failed.get(cause, 0):>9,}{more}"
        yield f"      {explanation.meaning} {verdict}"
        yield f"      {explanation.next_step}"
    yield ""


def _times(metrics: LogMetrics) -> Iterator[str]:
    stages = [(_STAGE_WORDS[stage], metrics.stages[stage]) for stage in STAGES]
    ends = [(f"arrival to the end, {outcome}", metrics.durations[outcome]) for outcome in Outcome]
    rows = [(words, buckets) for words, buckets in (*stages, *ends) if sum(buckets.counts)]
    if not rows:
        return
    yield f"{'Where the time went, the slowest first':<{_WIDTH + 6}}   mean   95 % within"
    for words, buckets in sorted(rows, key=lambda row: -_mean(row[1])):
        yield f"  {words:<{_WIDTH + 2}} {_seconds(_mean(buckets)):>8} {_within(buckets):>12}"
    yield ""


def _part(title: str, values: dict[str, int]) -> Iterator[str]:
    if not values:
        return
    yield title
    yield from (f"  {name:<{_WIDTH}} {value:>9,}" for name, value in values.items())
    yield ""


def _by_label(table: CounterTable, index: int) -> dict[str, int]:
    """Return the sums by one label's value that are not 0, the largest first."""
    sums: dict[str, int] = {}
    for labels, value in table.values.items():
        sums[labels[index]] = sums.get(labels[index], 0) + value
    return dict(sorted(((name, value) for name, value in sums.items() if value), key=lambda item: -item[1]))


def _mean(buckets: Buckets) -> float:
    return buckets.total / sum(buckets.counts)


def _within(buckets: Buckets) -> str:
    """Return the least bound within which 95 of 100 values lie."""
    needed, found = 0.95 * sum(buckets.counts), 0
    for bound, count in zip(buckets.bounds, buckets.counts, strict=False):
        found += count
        if found >= needed:
            return _seconds(bound)
    return f"over {_seconds(buckets.bounds[-1])}"


def _seconds(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
