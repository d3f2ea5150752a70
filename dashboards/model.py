"""Vocabulary of the dashboards: panels, their queries, and how they are laid out. `render` turns them into JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, TypeAlias

from dashboards.boards import Board
from dashboards.colours import GOOD, GREY
from dashboards.thresholds import CALM, Step

COLUMNS: Final = 24
"""Width of Grafana's grid. At 1280 pixels with the navigation menu docked, a column is 39.5 pixels wide."""


class Kind(StrEnum):
    """Grafana's panel plugins."""

    STAT = "stat"
    BAR_GAUGE = "bargauge"
    SERIES = "timeseries"
    STATES = "state-timeline"
    TABLE = "table"
    HEATMAP = "heatmap"
    LOGS = "logs"
    TRACES = "traces"
    TEXT = "text"


class Unit(StrEnum):
    """Grafana's units. Those with `suffix` are never scaled, so that axes have round numbers."""

    NUMBER = "none"
    SHARE = "percentunit"
    SECONDS = "s"
    MINUTES = "suffix:min"
    HOURS = "suffix:h"
    BYTES = "decbytes"
    LINES_PER_SECOND = "suffix:lines/s"
    AGE = "dateTimeFromNow"
    CLOCK = "time:ddd HH:mm"
    TEXT = "string"


class Origin(Enum):
    """The source of a panel's data, and the text when there are none."""

    EXPORTER = "No data: exporter down"
    API = "No data: API down"
    RULES = "No data: no rules"
    PROMETHEUS = "No data: not scraped"
    LOKI = "No log line in Loki in this time range"
    TEMPO = "No trace in Tempo"


@dataclass(frozen=True, slots=True)
class Metrics:
    """A PromQL query, written as in the rules; `render` adds the variables of the dashboard.

    Attributes:
        expr: the expression.
        legend: name of each series, with labels as `{{cause}}`.
        now: ask for the current value only, as panels of numbers always do.
        by: labels that identify a series, for `occurred`.
        occurred: an expression that has a value, by these labels, for each series that is to be drawn.
    """

    expr: str
    legend: str = ""
    now: bool = False
    by: tuple[str, ...] = ()
    occurred: str = ""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a panel shows where its query returns nothing although the data are there.

    Attributes:
        text: what is shown.
        when: an expression without labels that returns a value only if the text is true.
        colour: of a number's panel.
        value: where a graph draws it.
    """

    text: str
    when: str
    colour: str = GOOD
    value: float = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """Log lines, in LogQL: the newest `limit`. `empty` is a query for one row that says that there are none."""

    expr: str
    limit: int = 100
    empty: str = ""


@dataclass(frozen=True, slots=True)
class LogMetrics:
    """Numbers counted from log lines, in LogQL; with `now`, for the whole time range."""

    expr: str
    legend: str = ""
    now: bool = False


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces: a TraceQL query, or a variable that holds the id of a trace."""

    query: str
    limit: int = 20


Query: TypeAlias = Metrics | Lines | LogMetrics | Traces


@dataclass(frozen=True, slots=True)
class Text:
    """A text in place of a value, with its colour."""

    text: str
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Target of a click on a value; `${__data.fields.x}` and `${__value.raw}` stand for what was clicked on."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the field that it shows, its heading, and how it looks."""

    name: str
    heading: str
    width: int | None = None
    unit: Unit | None = None
    values: Mapping[str, Text] = field(default_factory=dict)
    link: Link | None = None
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        description: what good looks like, and what to do otherwise.
        origin: where the data come from.
        fallbacks: what is shown in place of an empty result, first match.
        fallback_column: the column of a table that shows it; by default the first.
        empty: the text when nothing is known; by default the text of the origin.
        values: texts for single values.
        colours: colour of each series, by its name or the first word of it.
        names: other names of series.
        sort: the column that a table is sorted by, with `-` in front for descending order; for log lines, `Time`
            means the oldest first.
        bars: draw stacked bars.
        stacked: draw stacked areas.
        reference: names of series that are drawn as dashed lines, and not stacked.
        limits: draw the thresholds as lines.
        verdict: show the name of the series, not its value.
    """

    kind: Kind
    title: str
    description: str
    queries: tuple[Query, ...] = ()
    unit: Unit = Unit.NUMBER
    origin: Origin = Origin.EXPORTER
    fallbacks: tuple[Fallback, ...] = ()
    fallback_column: str = ""
    empty: str = ""
    steps: tuple[Step, ...] = CALM
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: Mapping[str, Text] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    sort: str = ""
    link: Link | None = None
    bars: bool = False
    stacked: bool = False
    reference: tuple[str, ...] = ()
    limits: bool = False
    verdict: bool = False
    text: str = ""

    @property
    def no_value(self) -> str:
        """The text when nothing is known."""
        return self.empty or self.origin.value


NUMBERS: Final = (Kind.STAT, Kind.BAR_GAUGE)
"""Panels that show numbers."""
UNKNOWN_COLOUR: Final = GREY
"""Colour of every number that is not known."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Panels side by side, all of one height: width and panel. The widths fill the grid."""

    height: int
    places: tuple[tuple[int, Panel], ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """Title of a section of the dashboard."""

    title: str


@dataclass(frozen=True, slots=True)
class TextVariable:
    """A variable of a dashboard that holds a text, with its label; a hidden one is set by links only."""

    name: str
    label: str
    description: str
    default: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard."""

    board: Board
    title: str
    about: str
    parts: tuple[Shelf | Heading, ...]
    time: str = "now-24h"
    variables: tuple[TextVariable, ...] = ()
