"""The dashboards as Grafana reads them: panels and queries of the JSON files, with the variables replaced."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

FOLDER: Final = Path(__file__).with_name("json")
FILLED: Final[dict[str, str]] = {"$job": ".+", "$instance": ".+", "$__rate_interval": "1m"}
"""Values of the variables when all jobs and instances are selected; the others depend on the time range."""


class Asked(NamedTuple):
    """One query: its place, its expression, and whether it is an instant query."""

    board: str
    panel: str
    expression: str
    now: bool

    @property
    def name(self) -> str:
        """The dashboard and the panel, as text."""
        return f"{self.board}: {self.panel}"


def boards(folder: Path = FOLDER) -> dict[str, Json]:
    """Return every dashboard by its uid."""
    read = (json.loads(path.read_text()) for path in sorted(folder.glob("*.json")))
    return {board["uid"]: board for board in read}


def panels(board: Json) -> Iterator[Json]:
    """Yield the board's panels, without the headings between them."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def targets(plugin: str) -> Iterator[tuple[str, Json, Json]]:
    """Yield board, panel and target of every query to that kind of data source."""
    for uid, board in boards().items():
        for panel in panels(board):
            for target in panel.get("targets", ()):
                if target["datasource"]["type"] == plugin:
                    yield uid, panel, target


def promql() -> Iterator[Asked]:
    """Yield every PromQL query: of panels, annotations and variables."""
    for uid, board in boards().items():
        for panel in panels(board):
            for target in panel.get("targets", ()):
                if target["datasource"]["type"] == "prometheus":
                    yield Asked(uid, panel["title"], target["expr"], now=target["instant"])
        for mark in board["annotations"]["list"]:
            yield Asked(uid, f"annotation {mark['name']}", mark["expr"], now=False)
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                selector = variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
                yield Asked(uid, f"variable {variable['name']}", selector, now=True)


def filled(expression: str, shown: str = "1h", step: str = "5m") -> str:
    """Return the query as Grafana sends it, with all jobs and instances chosen.

    Args:
        expression: as in the file.
        shown: the time that the dashboard shows.
        step: the time between two points.
    """
    for variable, value in (FILLED | {"$__range": shown, "$__interval": step}).items():
        expression = expression.replace(variable, value)
    return expression
