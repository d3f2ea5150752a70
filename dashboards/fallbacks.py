"""What a panel shows when its query returns nothing: a true sentence, or that nothing is known.

A fallback has a condition in PromQL, so that Prometheus decides whether the sentence is true. In a panel of numbers it
becomes a negative number that is mapped to the sentence; in a table a row; in a graph a straight line with that
name. Numbers of a service that is down are not shown at all, even where Prometheus could still compute them.
"""

from collections.abc import Iterator
from typing import Final

from dashboards.expressions import API_ANSWERS, EXPORTER_ANSWERS
from dashboards.model import UNKNOWN_COLOUR, Fallback, Metrics, Origin, Panel, Text
from dashboards.promql import labelled

_ANSWERS: Final = {Origin.EXPORTER: EXPORTER_ANSWERS, Origin.API: API_ANSWERS}
"""Condition: the service whose numbers these are is up."""
_NOT_KNOWN: Final = "Not known: see Telemetry"


def of_numbers(panel: Panel) -> dict[str, Text]:
    """Return the sentences by the number that stands for each, as text."""
    return {f"-{number}": Text(one.text, one.colour) for number, one in enumerate(_all(panel), 1)}


def number(panel: Panel, query: Metrics) -> str:
    """Return the expression of a panel of numbers, with a negative number for each fallback."""
    answers = _ANSWERS.get(panel.origin)
    expression = f"({query.expr})\nand on () ({answers})" if answers else query.expr
    for position, one in enumerate(_all(panel), 1):
        expression += f"\nor on () (0 * ({one.when}) - {position})"
    return expression


def rows(panel: Panel, query: Metrics) -> str:
    """Return the expression of a table, with a row for each fallback that has the sentence in one column.

    A table of several queries always has a row: Grafana shows no text in place of merged empty tables.
    """
    expression = query.expr
    column = panel.fallback_column or panel.columns[0].name
    for one in panel.fallbacks:
        expression = f"({expression})\nor on () {labelled(f'(0 * ({one.when}))', **{column: one.text})}"
    if len(panel.queries) > 1:
        expression = f"({expression})\nor on () {labelled('vector(0)', **{column: panel.no_value})}"
    return expression


def series(panel: Panel) -> Iterator[Metrics]:
    """Yield the queries of a graph for what occurred in its time range, and for its fallbacks if nothing did."""
    queries = [query for query in panel.queries if isinstance(query, Metrics)]
    for query in queries:
        yield Metrics(_drawn(query), query.legend, now=query.now)
    anything = "\nor ".join(query.occurred or query.expr for query in queries)
    earlier: list[str] = []
    for one in panel.fallbacks:
        line = f"0 * ({one.when})" + (f" + {one.value:g}" if one.value else "")
        yield Metrics(f"{line}\nunless on () ({' or '.join([anything, *earlier])})", one.text)
        earlier.append(one.when)


def _drawn(query: Metrics) -> str:
    return f"({query.expr})\nand on ({', '.join(query.by)}) ({query.occurred})" if query.occurred else query.expr


def _all(panel: Panel) -> list[Fallback]:
    """Return the panel's fallbacks, and the last one: the service is up, but this is not what it could read."""
    answers = _ANSWERS.get(panel.origin)
    last = [Fallback(_NOT_KNOWN, answers, UNKNOWN_COLOUR)] if answers else []
    return [*panel.fallbacks, *last]
