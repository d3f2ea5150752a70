"""Builders of PromQL expressions from the metrics in `mail_telemetry.names`, so that a query cannot name another one.

Expressions have the form that recording rules need, with a fixed job. `scoped` converts them for dashboards: it inserts
the variables for job and instance, and replaces recorded series by their expressions, so that dashboards need no rules.
"""

import re
from collections.abc import Mapping
from typing import Final

from dashboards.recording_rules import TABLES
from mail_telemetry.metrics import MetricDescription
from mail_telemetry.names import Service

STEP: Final = "$__interval"
"""Grafana's step. Bars with the increase over one step count every mail once."""
RANGE: Final = "$__range"
"""The time that the dashboard shows."""

_JOB: Final = re.compile(r'job="([^"]*)"')
_RECORDED: Final = re.compile(r"(?<![\w:])(\w+:\w+:\w+)(?![\w:{])")


def selector(metric: MetricDescription, part: str = "", **labels: str) -> str:
    """Return a selector of the metric and its job; a value with `|` is a regular expression.

    Args:
        metric: the metric.
        part: for a histogram: `_bucket`, `_count` or `_sum`.
        labels: the required values of its labels.
    """
    job = Service.API if metric.name.startswith("mail_api") else Service.EXPORTER
    return raw(f"{metric.exposed}{part}", job, **labels)


def raw(name: str, job: Service, **labels: str) -> str:
    """Return a selector of a metric that this project does not define, such as `up`."""
    matchers = "".join(f',{name}{"=~" if "|" in value else "="}"{value}"' for name, value in labels.items())
    return f'{name}{{job="{job.value}"{matchers}}}'


def grown(metric: MetricDescription, over: str, *by: str, part: str = "", **labels: str) -> str:
    """Return the increase of a counter over a time, summed by labels."""
    return summed(f"increase({selector(metric, part, **labels)}[{over}])", *by)


def occurred(metric: MetricDescription, *by: str, part: str = "", **labels: str) -> str:
    """Return the series, by labels, that were above zero within the time that the dashboard shows.

    A counter that is new in this time has no increase up to its first sample, so its value counts instead.
    """
    selected = selector(metric, part, **labels)
    shown = f"max_over_time({selected}[{RANGE}] @ end())"
    if metric.kind == "gauge":
        return f"{highest(shown, *by)} > 0"
    return (
        f"{summed(f'increase({selected}[{RANGE}] @ end())', *by)} > 0\n"
        f"or {summed(f'({shown} unless {selected} @ end() offset {RANGE})', *by)} > 0"
    )


def last_seen(metric: MetricDescription, *by: str, **labels: str) -> str:
    """Return the Unix time of the last step in which a counter grew, by labels."""
    grew = f"(time() + 0 * ({grown(metric, STEP, *by, **labels)} > 0))"
    return f"({grew}\nor max_over_time({grew}[{RANGE}:{STEP}]))"


def labelled(expression: str, **labels: str) -> str:
    """Return the expression with additional labels."""
    for name, value in labels.items():
        expression = f'label_replace({expression}, "{name}", "{value}", "", "")'
    return expression


def per_second(metric: MetricDescription, *by: str, part: str = "", **labels: str) -> str:
    """Return the rate of a counter per second."""
    return summed(f"rate({selector(metric, part, **labels)}[$__rate_interval])", *by)


def quantile(share: float, metric: MetricDescription, over: str, *by: str, **labels: str) -> str:
    """Return the quantile of a histogram over a time, for example 0.95."""
    return f"histogram_quantile({share}, {grown(metric, over, *by, 'le', part='_bucket', **labels)})"


def mean(metric: MetricDescription, over: str, *by: str, **labels: str) -> str:
    """Return the mean of a histogram over a time; no result without observations."""
    whole = grown(metric, over, *by, part="_sum", **labels)
    return f"{whole}\n/ ({grown(metric, over, *by, part='_count', **labels)} > 0)"


def summed(expression: str, *by: str) -> str:
    """Return the sum by labels, or the total."""
    return _aggregated("sum", expression, by)


def highest(expression: str, *by: str) -> str:
    """Return the maximum by labels, or of all series."""
    return _aggregated("max", expression, by)


def scoped(expression: str, recorded: Mapping[str, str]) -> str:
    """Return the expression with the dashboard's variables, and with recorded series replaced by their expressions.

    Raises:
        KeyError: the name has the form of a recorded series, but no rule records it.
    """
    pieces = _RECORDED.split(expression)  # every other one is a recorded name
    return "".join(
        _recorded(piece, recorded) if index % 2 else _JOB.sub(_choice, piece) for index, piece in enumerate(pieces)
    )


def _recorded(name: str, recorded: Mapping[str, str]) -> str:
    return name if name in TABLES else f"({scoped(recorded[name], recorded)})"


def _choice(found: re.Match[str]) -> str:
    return f'job=~"$job",{found[0]},instance=~"$instance"'


def _aggregated(how: str, expression: str, by: tuple[str, ...]) -> str:
    return f"{how} by ({', '.join(by)}) ({expression})" if by else f"{how}({expression})"
