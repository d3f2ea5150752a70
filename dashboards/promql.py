"""PromQL over the names of `mail_telemetry.names`: an expression can't ask for a metric that nobody registers.

Expressions are written as the recording rules have them, with the job by its name. `scoped` makes them a dashboard's:
its variables choose among jobs and instances, and what is recorded is spelled out, so that dashboards need no rules.
"""

import re
from collections.abc import Mapping
from typing import Final

from dashboards.recording_rules import TABLES
from mail_telemetry.names import Metric, Service

STEP: Final = "$__interval"
"""Grafana's step: bars of increases over it show every mail once."""
RANGE: Final = "$__range"
"""The time that the dashboard shows."""

_JOB: Final = re.compile(r'job="([^"]*)"')
_RECORDED: Final = re.compile(r"(?<![\w:])(\w+:\w+:\w+)(?![\w:{])")


def selector(metric: Metric, part: str = "", **labels: str) -> str:
    """Return a selector of the metric under its job; a value with `|` is a choice.

    Args:
        metric: what is read.
        part: of a histogram: `_bucket`, `_count` or `_sum`.
        labels: what its labels have to be.
    """
    job = Service.API if metric.name.startswith("mail_api") else Service.EXPORTER
    return raw(f"{metric.exposed}{part}", job, **labels)


def raw(name: str, job: Service, **labels: str) -> str:
    """Return a selector of a metric that is not ours, as `up`."""
    matchers = "".join(f',{name}{"=~" if "|" in value else "="}"{value}"' for name, value in labels.items())
    return f'{name}{{job="{job.value}"{matchers}}}'


def grown(metric: Metric, over: str, *by: str, part: str = "", **labels: str) -> str:
    """Return by how much a counter grew over a time, summed up by labels."""
    return summed(f"increase({selector(metric, part, **labels)}[{over}])", *by)


def occurred(metric: Metric, *by: str, part: str = "", **labels: str) -> str:
    """Return, by labels, what was above zero within the time that the dashboard shows.

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


def last_seen(metric: Metric, *by: str, **labels: str) -> str:
    """Return the Unix time of the last step in which a counter grew, by labels."""
    grew = f"(time() + 0 * ({grown(metric, STEP, *by, **labels)} > 0))"
    return f"({grew}\nor max_over_time({grew}[{RANGE}:{STEP}]))"


def labelled(expression: str, **labels: str) -> str:
    """Return the same with more labels."""
    for name, value in labels.items():
        expression = f'label_replace({expression}, "{name}", "{value}", "", "")'
    return expression


def per_second(metric: Metric, *by: str, part: str = "", **labels: str) -> str:
    """Return how fast a counter grows."""
    return summed(f"rate({selector(metric, part, **labels)}[$__rate_interval])", *by)


def quantile(share: float, metric: Metric, over: str, *by: str, **labels: str) -> str:
    """Return below which value that share of a histogram's observations lies."""
    return f"histogram_quantile({share}, {grown(metric, over, *by, 'le', part='_bucket', **labels)})"


def mean(metric: Metric, over: str, *by: str, **labels: str) -> str:
    """Return a histogram's mean value; nothing where nothing was observed."""
    whole = grown(metric, over, *by, part="_sum", **labels)
    return f"{whole}\n/ ({grown(metric, over, *by, part='_count', **labels)} > 0)"


def summed(expression: str, *by: str) -> str:
    """Return the sum by labels, or of all."""
    return _aggregated("sum", expression, by)


def highest(expression: str, *by: str) -> str:
    """Return the greatest value by labels, or of all."""
    return _aggregated("max", expression, by)


def scoped(expression: str, recorded: Mapping[str, str]) -> str:
    """Return the expression with the dashboard's variables, and with recorded series replaced by their expressions.

    Raises:
        KeyError: it reads something under a recorded name that is not recorded.
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
