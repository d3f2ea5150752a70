"""The committed dashboards are those of the catalogue, and query existing series and fields."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from alerts.catalogue import every_alert
from dashboards import colours, expressions
from dashboards.__main__ import files
from dashboards.board_files import FOLDER, Json, boards, panels, promql, targets
from dashboards.boards import Board
from dashboards.colours import GREY
from dashboards.model import COLUMNS, Unit
from mail_api.error_codes import RESULTS
from mail_exporter.collectors.queue import QUEUES
from mail_exporter.events import TLS_TRUST, AbortKind, DeliveryStatus, NoticeKind, RejectReason
from mail_exporter.metrics import LINE_RESULTS
from mail_telemetry.causes import Cause
from mail_telemetry.names import Attribute, DeliveryStage, Entry, Outcome
from tests.contract.promql import grouped_by, selectors
from tests.contract.series import known_labels

BOARDS = boards()
LABELS_OF_QUERIES = {"entry", "first", "second", "minute"}
"""Labels that `label_replace` makes, and groupings by them."""
HTTP = {"handler", "job", "instance", "method", "status", "le"}
LIBRARY_SERIES = {
    "http_requests_total": HTTP - {"le"},
    "http_request_duration_seconds_sum": HTTP,
    "http_request_duration_seconds_count": HTTP,
    "http_request_duration_highr_seconds_bucket": HTTP,
    "process_cpu_seconds_total": {"job", "instance"},
    "process_resident_memory_bytes": {"job", "instance"},
    "process_start_time_seconds": {"job", "instance"},
    "scrape_duration_seconds": {"job", "instance"},
    "scrape_samples_scraped": {"job", "instance"},
}
"""Series of the instrumentator, the Python client and Prometheus; an integration test checks that they exist."""
VARIABLES = re.compile(r"\$\{?(\w+)")


def every_panel() -> Iterator[Any]:
    """Yield every panel, as a test parameter."""
    for uid, board in BOARDS.items():
        for panel in panels(board):
            yield pytest.param(uid, panel, id=f"{uid}: {panel['title']}")


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every single value of a JSON document with its path."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, f"{path}/{name}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from leaves(one, f"{path}/{number}")
    else:
        yield path, value


def test_expressions_are_named() -> None:
    """The catalogue uses named expressions only, and no two names have the same expression."""
    for path in (FOLDER.parent / "catalogue").glob("*.py"):
        assert re.findall(r"job=|increase\(|rate\(|(?:sum|max|min)[ (]", path.read_text()) == [], path.name
    written = [value for name, value in vars(expressions).items() if name.isupper() and isinstance(value, str)]
    assert len(written) == len(set(written))


def test_files_are_up_to_date() -> None:
    """The committed files are those that `make dashboards` writes."""
    assert files() == {path.name: path.read_text() for path in FOLDER.glob("*")}


def test_every_board_is_there() -> None:
    """Each uid of the alerts' links is a board with a file and a title of its own."""
    assert set(Board) == set(BOARDS) == {path.stem for path in FOLDER.glob("*.json")}
    assert len({board["title"] for board in BOARDS.values()}) == len(Board)


def test_alerts_link_to_boards() -> None:
    """Every alert's dashboard exists."""
    assert {alert.board for alert in every_alert()} <= set(BOARDS)


@pytest.mark.parametrize("uid", BOARDS)
def test_layout_has_no_overlap_and_no_gap(uid: str) -> None:
    """Every cell of the grid, down to the last panel, is covered once."""
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in BOARDS[uid]["panels"])
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    height = max(y for _, y in cells) + 1
    assert len(cells) == len(set(cells))
    assert set(cells) == {(x, y) for x in range(COLUMNS) for y in range(height)}


def test_overview_begins_with_the_state() -> None:
    """Verdict, states, queue, quota and alerts end at row 15: within 800 pixels, of which Grafana uses 225."""
    first = [panel["title"] for panel in panels(BOARDS[Board.OVERVIEW]) if panel["gridPos"]["y"] < 15]
    assert first[0] == "Mail now"
    assert {"Mail API", "Mail server", "Exporter", "Queued mails", "Quota used", "Alerts", "Firing alerts"} < {*first}
    ends = [sum(panel["gridPos"][one] for one in "yh") for panel in panels(BOARDS[Board.OVERVIEW])]
    assert max(end for end, title in zip(ends, first, strict=False)) <= 15


def test_panels_are_large_enough() -> None:
    """A number is at least 6 columns wide and 3 rows high, so that its value is more than 8 pixels high."""
    smallest = {
        "stat": (6, 3),
        "bargauge": (8, 6),
        "timeseries": (6, 6),
        "state-timeline": (8, 6),
        "heatmap": (6, 6),
        "table": (6, 5),
        "logs": (12, 6),
        "traces": (24, 20),
        "text": (12, 3),
    }
    small = [
        (uid, panel["title"])
        for uid, board in BOARDS.items()
        for panel in panels(board)
        if (panel["gridPos"]["w"], panel["gridPos"]["h"]) < smallest[panel["type"]]
        or panel["gridPos"]["h"] < smallest[panel["type"]][1]
    ]
    assert small == []


COLUMN_PIXELS = 39.5
"""Width of a grid column at 1280 pixels with Grafana's navigation menu docked, measured in Grafana 12.4."""
BESIDE_TITLE_PIXELS = 88
"""The part of a panel's width that padding and the info icon take."""
CHARACTER_PIXELS = 7.8
"""The largest average width of a title's characters in Grafana's font, measured in pictures of the boards."""


@pytest.mark.parametrize(("uid", "panel"), [*every_panel()])
def test_words_fit_at_1280_pixels(uid: str, panel: Json) -> None:
    """Titles are not cut, and a table's columns fit side by side; those without a width have at least 120 pixels."""
    width = COLUMN_PIXELS * panel["gridPos"]["w"]
    assert len(panel["title"]) * CHARACTER_PIXELS <= width - BESIDE_TITLE_PIXELS, uid
    columns = [
        {one["id"]: one["value"] for one in over["properties"]}
        for over in panel["fieldConfig"]["overrides"]
        if over["matcher"]["id"] == "byName"
    ]
    if panel["type"] == "table":
        assert sum(column.get("custom.width", 120) for column in columns) <= width - 24


@pytest.mark.parametrize(("uid", "panel"), [*every_panel()])
def test_missing_data_is_never_good(uid: str, panel: Json) -> None:
    """Every number has a grey text for an empty result, and one for a running service that could not read it."""
    if panel["type"] not in {"stat", "bargauge"}:
        return
    special, *values = panel["fieldConfig"]["defaults"]["mappings"]
    assert special["options"]["match"] == "null+nan"
    assert special["options"]["result"]["color"] == GREY, uid
    assert special["options"]["result"]["text"].startswith("No data")
    for target in panel["targets"]:
        sentinels = re.findall(r"or on \(\) \(0 \* .*- (\d+)\)$", target["expr"], re.MULTILINE)
        assert [f"-{number}" for number in sentinels] == [
            value for one in values for value in one["options"] if value.startswith("-")
        ]


VOCABULARIES: dict[str, Iterable[str]] = {
    "cause": Cause,
    "outcome": Outcome,
    "entry": Entry,
    "queue": QUEUES,
    "result": [*RESULTS, *LINE_RESULTS],
    "status": [*DeliveryStatus, *colours.HTTP_STATUSES],
    "trust": TLS_TRUST,
    "reason": RejectReason,
    "kind": NoticeKind,
    "how": AbortKind,
    "stage": DeliveryStage,
}
"""Labels with a fixed set of values. Each of the values has one colour on all boards."""


def test_colours_are_fixed() -> None:
    """In every graph by such a label, each value has a colour, which is the same on all boards."""
    found: dict[tuple[str, str], set[str]] = {}
    for uid, board in BOARDS.items():
        for panel in panels(board):
            legends = [
                re.match(r"\{\{(?:mail_)?(\w+)\}\}", one.get("legendFormat") or "") for one in panel.get("targets", ())
            ]
            labels = {one[1] for one in legends if one} & VOCABULARIES.keys()
            if panel["type"] != "timeseries" or not labels:
                continue
            given = {
                one["matcher"]["options"].removeprefix("/^").removesuffix("(?:,? |$)/"): prop["value"]["fixedColor"]
                for one in panel["fieldConfig"]["overrides"]
                for prop in one["properties"]
                if prop["id"] == "color"
            }
            (label,) = labels
            assert given.keys() & {*VOCABULARIES[label]}, (uid, panel["title"])
            for value, colour in given.items():
                found.setdefault((label, value), set()).add(colour)
    assert {value: colour for value, colour in found.items() if len(colour) > 1} == {}
    assert {label for label, _ in found} == {*VOCABULARIES}


@pytest.mark.parametrize(("uid", "panel"), [*every_panel()])
def test_pitfalls_of_grafana(uid: str, panel: Json) -> None:
    """Panels avoid known pitfalls of Grafana 12, found in its sources.

    State timelines with thresholds ignore the colours of values; overrides find series by their old name, also after
    a rename; tables of several queries are merged by their time; units after `suffix:` get a blank by themselves.
    """
    config = panel["fieldConfig"]
    if panel["type"] == "state-timeline":
        assert config["defaults"]["color"]["mode"] == "fixed", uid
    renamed = {
        prop["value"] for over in config["overrides"] for prop in over["properties"] if prop["id"] == "displayName"
    }
    assert [over for over in config["overrides"] if any(name in over["matcher"]["options"] for name in renamed)] == []
    steps = [one["id"] for one in panel.get("transformations", ())]
    if "merge" in steps:
        kept = panel["transformations"][steps.index("filterFieldsByName")]["options"]["include"]["names"]
        assert "Time" in kept
    assert "suffix: " not in str(config)


def test_related_colours_differ() -> None:
    """Values that are drawn in one graph have different colours."""
    for name in ("OUTCOMES", "STATUSES", "QUEUES", "CAUSES", "ENTRIES", "LOG_SEVERITIES", "REJECT_REASONS"):
        values = getattr(colours, name).values()
        assert len({*values}) == len(values), name
    for label, values in (("OUTCOMES", Outcome), ("QUEUES", QUEUES), ("CAUSES", Cause), ("ENTRIES", Entry)):
        assert {*values} <= getattr(colours, label).keys()
    assert {*RESULTS} <= colours.RESULTS.keys()


@pytest.mark.parametrize("uid", BOARDS)
def test_schema_is_the_classic_one(uid: str) -> None:
    """The schema is the classic one of Grafana 10 to 13: no elements and layouts, unique ids, links by uid."""
    board = BOARDS[uid]
    assert isinstance(board["panels"], list)
    assert not {"elements", "layout", "spec", "apiVersion", "__inputs"} & set(board)
    assert 36 <= board["schemaVersion"] <= 41
    numbers = [panel["id"] for panel in board["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))
    for panel in panels(board):
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert letters == sorted(set(letters))
        assert all(letters)


@pytest.mark.parametrize("uid", BOARDS)
def test_schema_knows_every_field(uid: str) -> None:
    """A board that is parsed and written by the SDK's types of the classic schema is unchanged.

    The texts of a Prometheus annotation belong to the data source, and are not in the schema.
    """
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(BOARDS[uid])))
    words = re.compile(r"/annotations/list/\d/(?:titleFormat|textFormat|step|useValueForTime)")
    written = dict(leaves(again))
    assert [path for path, value in leaves(BOARDS[uid]) if written.get(path) != value and not words.match(path)] == []


@pytest.mark.parametrize(("uid", "panel"), [*every_panel()])
def test_panel_descriptions(uid: str, panel: Json) -> None:
    """A description has at least 30 characters and what is good, and every panel has a text for no data."""
    assert len(panel["description"]) > 30
    if panel["type"] != "text":
        assert panel["fieldConfig"]["defaults"]["noValue"], uid
    if panel["type"] in {"stat", "timeseries", "heatmap"}:
        assert re.search(r"[Gg]ood[:,]", panel["description"])


@pytest.mark.parametrize(("uid", "panel"), [*every_panel()])
def test_variables_exist(uid: str, panel: Json) -> None:
    """Queries and links use only variables of the board and Grafana's own."""
    known = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
    text = str([panel.get("targets"), panel.get("datasource"), panel["fieldConfig"]])
    used = {name for name in VARIABLES.findall(text) if not name.startswith("__") and not name.isdigit()}
    assert used - known == set()


@pytest.mark.parametrize("asked", [*dict.fromkeys(one.expression for one in promql())])
def test_promql_uses_existing_series(asked: str) -> None:
    """Every metric is registered and has the labels that are used."""
    known = known_labels() | LIBRARY_SERIES
    read = list(selectors(re.sub(r"\$__\w+", "5m", asked)))
    assert read
    assert [selector.metric for selector in read if selector.metric not in known] == []
    for selector in read:
        assert {name for name, _, _ in selector.matchers} - known[selector.metric] == set()
    labels = {label for selector in read for label in known[selector.metric]}
    assert grouped_by(asked) - labels - LABELS_OF_QUERIES == set()


def test_colour_limits_are_those_of_alerts() -> None:
    """A colour limit is a limit of an alert, or one of a few obvious values."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}
    numbers = {
        float(number) * seconds[unit]
        for alert in every_alert()
        for number, unit in re.findall(r"[<>=]\s*(\d[\d.e]*)([smhd]?)\b", alert.expr)
    }
    obvious = {0.001, 1.0, 1 - 0.02}  # more than none, all of the quota, 98 % on time
    steps = {
        step["value"] * (3600 if panel["fieldConfig"]["defaults"]["unit"] == Unit.HOURS else 1)
        for board in BOARDS.values()
        for panel in panels(board)
        for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        if step["value"] is not None and panel["title"] != "Mail now"  # its values are priorities
    }
    assert steps - numbers - obvious == set()
    assert len(steps & numbers) > 5


def test_links_lead_to_boards() -> None:
    """Every link to a dashboard leads to an existing one, and keeps time range and data sources."""
    links = re.findall(r"/d/([\w-]+)\?([^\"']*)", "".join(files().values()))
    assert {uid for uid, _ in links} == set(Board) - {Board.OVERVIEW}
    assert all("__url_time_range" in rest and "prometheus_datasource" in rest for _, rest in links)


def test_links_to_the_trail_have_the_trace() -> None:
    """Every link to the trail has the message id and the trace, since Grafana cannot look up the trace in one step."""
    links = re.findall(r"/d/mail-trail\?([^\"']*)", "".join(files().values()))
    assert links
    assert all("var-id=" in one and "var-trace=" in one for one in links)


FIELDS = {re.sub(r"\W", "_", name) for name in Attribute} | {"level", "message", "reason", "trace_id"}
LABELS_OF_LOGQL = {"cause", "chosen", "rank", "seen"}
"""Labels that `label_format` makes."""
QUOTED = r'"(?:[^"\\]|\\.)*"'
TYPED = r"\$\{\w+:doublequote\}"
STAGE = (
    rf"(?:\|[=~] (?:{QUOTED}|{TYPED})"  # contains, matches
    rf"|\| json|\| \w+(?:[=!]~|!?=){QUOTED}"
    rf"|\| label_format \w+=(?:`[^`]*`|{TYPED})|\| line_format `[^`]*`|\| unwrap \w+)"
)
LINES = rf'\{{container=~?"[a-z|-]+"\}}(?: {STAGE})*'
BY = r"(?:sum|max)(?: by \([\w, ]+\) |)"
NUMBERS = rf"{BY}\((?:count|max)_over_time\({LINES} \[\$__(?:auto|range)\]\)\)"
ROW = rf"label_replace\(vector\(0\), {QUOTED}, {QUOTED}, \"\", \"\"\) unless on \(\) {NUMBERS}"
LOGQL = re.compile(rf"{LINES}|{NUMBERS}(?:\nand on \(\w+\) {NUMBERS})?|{ROW}")


@pytest.mark.parametrize("query", sorted({target["expr"] for _, _, target in targets("loki")}))
def test_logql_is_well_formed(query: str) -> None:
    """A query has a stream selector by Promtail's label and known stages; typed text is quoted, and fields exist."""
    assert LOGQL.fullmatch(query), query
    read = {*re.findall(r"\| (\w+)(?:[=!]|!)", query), *re.findall(r"\.(\w+)\b(?=[^`\"]*\}\}|\s+\")", query)}
    grouped = {name for names in re.findall(r" by \(([^)]*)\)", query) for name in names.split(", ")}
    assert (read | grouped) - FIELDS - LABELS_OF_LOGQL - {"__error__"} == set()
    assert "| json" in query or re.search(r"container=\"mail-server\"|\|= \$\{id", query)


@pytest.mark.parametrize("query", sorted({target["query"] for _, _, target in targets("tempo")}))
def test_traceql_is_well_formed(query: str) -> None:
    """A query compares known attributes with a quoted text, or is the id of one trace."""
    one = r"(?:span\.[\w.]+|trace:id) = \$\{\w+:doublequote\}"
    assert query == "${trace}" or re.fullmatch(rf"\{{ {one}(?: \|\| {one})* \}}", query)
    assert {name.removeprefix("span.") for name in re.findall(r"span\.[\w.]+", query)} <= {*Attribute}


def test_columns_are_logged_fields() -> None:
    """Columns of log lines are fields that the services log."""
    for _, panel, target in targets("loki"):
        for step in panel.get("transformations", ()):
            if step["id"] == "filterFieldsByName":
                names = {one for one in step["options"]["include"]["names"] if not one.startswith("Value")}
                assert names - FIELDS - LABELS_OF_LOGQL - {"Time", "timestamp"} == set(), target
