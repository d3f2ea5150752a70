"""The vocabulary of dashboards: panels, and how they lie side by side; `render` makes Grafana's JSON of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from dashboards.boards import Board
from dashboards.thresholds import CALM, Step

COLUMNS: Final = 24
"""The width of Grafana's grid; on a screen of 1280 pixels one column is about 50 pixels wide."""


class Kind(StrEnum):
    """What a panel is drawn as, by the name of Grafana's plugin."""

    STAT = "stat"
    SERIES = "timeseries"
    TABLE = "table"
    HEATMAP = "heatmap"
    LOGS = "logs"
    TRACES = "traces"
    TEXT = "text"


class Unit(StrEnum):
    """Grafana's names of the units that numbers here have."""

    COUNT = "short"
    SHARE = "percentunit"
    SECONDS = "s"
    BYTES = "bytes"
    PER_SECOND = "cps"
    MOMENT = "dateTimeFromNow"
    STATE = "none"
    TEXT = "string"


@dataclass(frozen=True, slots=True)
class Metrics:
    """PromQL as the rules have it, without a dashboard's variables; `render` puts them in.

    `legend` names each series, with labels as `{{cause}}`. With `now`, or in a
    panel of numbers, only the value of now is asked for: the last of a range may be hours old.
    """

    expr: str
    legend: str = ""
    now: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    """Log lines, in LogQL; no more than `most`."""

    expr: str
    most: int = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """Numbers counted from log lines, in LogQL."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces, in TraceQL or by the id that is in a variable."""

    query: str
    most: int = 20


Query: TypeAlias = Metrics | Lines | Counted | Traces


@dataclass(frozen=True, slots=True)
class Said:
    """What stands in place of a value, and its colour where it has one."""

    text: str
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Where a click on a value leads; `${__data.fields.x}` and `${__value.raw}` stand for what was clicked on."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the field it shows, its head, and what it looks like."""

    name: str
    head: str
    width: int | None = None
    unit: Unit | None = None
    values: Mapping[str, Said] = field(default_factory=dict)
    link: Link | None = None
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `description` says what good looks like and what to do; `idle` stands there when there is nothing.

    `names` gives series another name, `bars` draws them as stacked bars, `limits` draws the steps as lines, and
    `named` puts each number's name beside it.
    """

    kind: Kind
    title: str
    description: str
    queries: tuple[Query, ...] = ()
    unit: Unit = Unit.COUNT
    idle: str = "No data in this time range"
    steps: tuple[Step, ...] = CALM
    decimals: int | None = None
    least: float | None = None
    most: float | None = None
    values: Mapping[str, Said] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    link: Link | None = None
    bars: bool = False
    limits: bool = False
    named: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Panels side by side, all of one height, whose widths fill the grid; a tuple of panels stands one on the other."""

    height: int
    places: tuple[tuple[int, Panel | tuple[Panel, ...]], ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of its own that begins a part of the dashboard."""

    title: str


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard. `typed` are its text variables: name to label and description."""

    board: Board
    title: str
    about: str
    parts: tuple[Shelf | Heading, ...]
    time: str = "now-24h"
    typed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
