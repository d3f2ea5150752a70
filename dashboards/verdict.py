"""The first panel of the overview: one sentence, the most important one that is true.

An instant query returns it as one series: the label `verdict` is the sentence, the value is its priority, which decides
the colour.
"""

from typing import Final

from alerts.model import Severity
from alerts.verdicts import NO_DATA, Detail
from dashboards.boards import Board
from dashboards.colours import GOOD, GREY, SEVERITIES
from dashboards.promql import highest, labelled, raw, selector, summed
from dashboards.recording_rules import VERDICT, recorded
from dashboards.thresholds import Step
from mail_telemetry.metrics import exporter
from mail_telemetry.names import Service

_NO_RULES: Final = 350
_NOT_FRESH: Final = 1
_FRESH: Final = "10m"
"""Age of the newest log line up to which mail is said to flow: the health check logs every minute."""

STEPS: Final = (
    Step(None, GOOD),
    Step(_NOT_FRESH, GREY),
    Step(100, SEVERITIES[Severity.WARNING]),
    Step(200, SEVERITIES[Severity.CRITICAL]),
    Step(NO_DATA, GREY),
    Step(400, SEVERITIES[Severity.CRITICAL]),
)
"""Colours by priority."""

_UP: Final = f"{highest(raw('up', Service.EXPORTER))} == 1"
_AGE: Final = highest(selector(exporter.QUEUE_OLDEST_AGE_SECONDS))
_MAILS: Final = summed(recorded("job:postfix_queue_messages:sum"))
"""In all queues: a deferred mail is in the queue `active` while Postfix retries it."""
_REOPENS: Final = f"{highest(selector(exporter.QUOTA_REOPENS))} > 0"


def _text(number: str, label: str, text: str) -> str:
    """Return a series whose label is a text with the number in it (`$1`)."""
    return f'label_replace(count_values("number", {number}), "{label}", "{text}", "number", "(.*)")'


def _two_digits(number: str, label: str) -> str:
    padded = f'label_replace(count_values("digits", {number}), "digits", "0$1", "digits", "(.)")'
    return f'label_replace({padded}, "{label}", "$1", "digits", "(.*)")'


def _waiting() -> str:
    """Return the number of queued mails and the age of the oldest, as the labels `first` and `second`."""
    mails = f'label_replace({_text(f"{_MAILS} > 0", "first", " ($1 mails")}, "first", " (1 mail", "number", "1")'
    minutes = _text(f"floor({_AGE} / 60) < 120", "second", ", oldest $1 min)")
    hours = _text(f"floor({_AGE} / 3600)", "second", ", oldest $1 h)")
    return f"{mails}\n* on () group_left (second) ({minutes} or on () {hours})"


def _reopens() -> str:
    """Return the time at which websites can send again, in UTC."""
    hours, minutes = _two_digits(f"hour({_REOPENS})", "hour"), _two_digits(f"minute({_REOPENS})", "minute")
    joined = f'label_join({hours} * on () group_left (minute) {minutes}, "clock", ":", "hour", "minute")'
    first = f'label_replace({joined}, "first", " until $1", "clock", "(.*)")'
    return labelled(first, second=" UTC")


def _of_alerts() -> str:
    """Return the sentence of the most important alert that fires, or is critical and about to, with its numbers."""
    firing = (
        'max by (alertname) (ALERTS{service="mail",alertstate="firing"}'
        f' or ALERTS{{service="mail",alertstate="pending",severity="{Severity.CRITICAL}"}})'
    )
    worst = f"topk(1, {firing} * on (alertname) group_right () {VERDICT})"
    numbers = "\nor ".join(
        labelled(query, detail=detail)
        for detail, query in ((Detail.WAITING.value, _waiting()), (Detail.REOPENS.value, _reopens()))
    )
    detailed = f"({worst} * on (detail) group_left (first, second) ({numbers}))\nor on () {worst}"
    return f'label_join({detailed}, "verdict", "", "verdict", "first", "second")'


def _sentence(verdict: str, priority: int, condition: str, board: Board) -> str:
    return labelled(f"(vector({priority}) {condition})", verdict=verdict, board=board.value)


def _expression() -> str:
    fresh = f"(time() - {highest(selector(exporter.LOG_LAST_LINE_TIMESTAMP_SECONDS))} < {_FRESH})"
    watchdog = 'ALERTS{service="mail",alertname="MailWatchdog",alertstate="firing"}'
    candidates = (
        _of_alerts(),
        _sentence("Unknown: no data from the exporter", NO_DATA, f"unless on () ({_UP})", Board.TELEMETRY),
        _sentence("Unknown: the alert rules are not loaded", _NO_RULES, f"unless on () {watchdog}", Board.TELEMETRY),
        _sentence("Unknown: the mail log has no new lines", _NOT_FRESH, f"unless on () {fresh}", Board.TELEMETRY),
        _sentence("Mail flows", 0, f"and on () {fresh} and on () ({_UP})", Board.SERVER),
    )
    return "topk(1, " + "\nor ".join(f"({one})" for one in candidates) + ")"


EXPRESSION: Final = _expression()
