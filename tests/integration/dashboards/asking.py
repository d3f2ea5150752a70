"""Asks Prometheus what a dashboard would ask."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from dashboards.reading import Asked, filled, promql

Json = dict[str, Any]
Query = Callable[[str], list[Json]]
"""Sends an instant query and returns its series; raises with Prometheus's words when it is none."""

_WITHOUT: Final = ("__name__", "job", "instance", "meaning", "next_step")
"""Labels that say the same in every row."""


class Answer(NamedTuple):
    """What came back: the series' labels, in short, and their last values."""

    asked: Asked
    values: dict[str, float]

    @property
    def most(self) -> float:
        """The greatest value; 0 where there is none."""
        return max((value for value in self.values.values() if value == value), default=0.0)  # noqa: PLR0124 - not NaN


def answers(query: Query) -> Iterator[Answer]:
    """Ask every query of every dashboard, as for the last hour."""
    for asked in promql():
        series = query(filled(asked.expression))
        yield Answer(asked, {_named(one["metric"]): float(one["value"][1]) for one in series})


def _named(labels: dict[str, str]) -> str:
    return " ".join(value for name, value in labels.items() if name not in _WITHOUT) or labels.get("job", "")
