"""Evaluates dashboard queries in Prometheus, and returns the text and colour that a panel shows."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from dashboards.board_files import Asked, Json, boards, filled, panels, promql

Query = Callable[[str], list[Json]]
"""Sends an instant query and returns its series; raises with Prometheus's error message if the query is invalid."""

_WITHOUT: Final = ("__name__", "job", "instance", "meaning", "next_step")
"""Labels that are the same in every row."""
NUMBERS: Final = ("stat", "bargauge")


class Answer(NamedTuple):
    """The result of a query: the last value of each series, by the values of its labels."""

    asked: Asked
    values: dict[str, float]

    @property
    def most(self) -> float:
        """Return the greatest value, or 0 without values."""
        return max((value for value in self.values.values() if value == value), default=0.0)  # noqa: PLR0124 - not NaN


class Shown(NamedTuple):
    """The text and colour of a panel with a number."""

    text: str
    colour: str


def answers(query: Query) -> Iterator[Answer]:
    """Evaluate every query of every dashboard, with a time range of an hour."""
    for asked in promql():
        series = query(filled(asked.expression))
        yield Answer(asked, {_named(one["metric"]): float(one["value"][1]) for one in series})


def shown(query: Query) -> dict[tuple[str, str], Shown]:
    """Return the current text and colour of every panel with a number, by board and title."""
    found = {}
    for uid, board in boards().items():
        for panel in panels(board):
            if panel["type"] in NUMBERS:
                series = query(filled(panel["targets"][0]["expr"]))
                found[uid, panel["title"]] = _shown(panel, series)
    return found


def _shown(panel: Json, series: list[Json]) -> Shown:
    """Return text and colour by Grafana's rules: a mapping of the value comes first, then the colour limits."""
    defaults: Any = panel["fieldConfig"]["defaults"]
    mappings = [one["options"] for one in defaults["mappings"]]
    if not series:
        unknown = mappings[0]["result"]
        return Shown(unknown["text"], unknown["color"])
    value = float(series[0]["value"][1])
    mapped = {key: result for one in mappings[1:] for key, result in one.items()}.get(f"{value:g}")
    if mapped:
        return Shown(mapped["text"], mapped["color"])
    *_, step = (one for one in defaults["thresholds"]["steps"] if one["value"] is None or one["value"] <= value)
    return Shown(series[0]["metric"].get("verdict", f"{value:g}"), step["color"])


def _named(labels: dict[str, str]) -> str:
    return " ".join(value for name, value in labels.items() if name not in _WITHOUT) or labels.get("job", "")
