"""Asks Prometheus what a dashboard would ask, and says what a person would see."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from dashboards.board_files import Asked, Json, boards, filled, panels, promql

Query = Callable[[str], list[Json]]
"""Sends an instant query and returns its series; raises with Prometheus's words when it is none."""

_WITHOUT: Final = ("__name__", "job", "instance", "meaning", "next_step")
"""Labels that say the same in every row."""
NUMBERS: Final = ("stat", "bargauge")


class Answer(NamedTuple):
    """What came back: the series' labels, in short, and their last values."""

    asked: Asked
    values: dict[str, float]

    @property
    def most(self) -> float:
        """The greatest value; 0 where there is none."""
        return max((value for value in self.values.values() if value == value), default=0.0)  # noqa: PLR0124 - not NaN


class Shown(NamedTuple):
    """What a panel of numbers shows."""

    text: str
    colour: str


def answers(query: Query) -> Iterator[Answer]:
    """Ask every query of every dashboard, as for the last hour."""
    for asked in promql():
        series = query(filled(asked.expression))
        yield Answer(asked, {_named(one["metric"]): float(one["value"][1]) for one in series})


def shown(query: Query) -> dict[tuple[str, str], Shown]:
    """Return what every panel of numbers shows now, by board and title."""
    found = {}
    for uid, board in boards().items():
        for panel in panels(board):
            if panel["type"] in NUMBERS:
                series = query(filled(panel["targets"][0]["expr"]))
                found[uid, panel["title"]] = _shown(panel, series)
    return found


def _shown(panel: Json, series: list[Json]) -> Shown:
    """Return text and colour by Grafana's rules: a mapping of the value first, then the thresholds."""
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
