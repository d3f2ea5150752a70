"""Queries and links of dashboards with their variables filled in, as Grafana's pages send and open them.

Variables whose name begins with `__` are left to Grafana's server, which knows the time range and the interval.
https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import yaml

from dashboards.board_files import Json
from dashboards.boards import Board

PROVISIONED: Final = Path(__file__).resolve().parents[3] / "dashboards/provisioning/datasources/mail.yml"
RANGE: Final = {"from": "now-1h", "to": "now"}

_VARIABLE: Final = re.compile(r"\$\{(?P<braced>\w+)(?::(?P<format>\w+))?\}|\$(?P<bare>[A-Za-z_]\w*)")


def _unchanged(_: str, value: str) -> str:
    return value


_FORMATS: Final[Mapping[str | None, Callable[[str, str], str]]] = {
    "doublequote": lambda _, value: '"' + value.replace('"', '\\"') + '"',
    "singlequote": lambda _, value: "'" + value.replace("'", "\\'") + "'",
    "regex": lambda _, value: re.escape(value),
    "percentencode": lambda _, value: quote(value, safe=""),
    "queryparam": lambda name, value: f"var-{name}={quote(value, safe='')}",
}
"""The formats that change a value; other formats leave it unchanged."""
_OF_THE_FIELD: Final = re.compile(r"\$\{__(?:value|data|field)\b[^}]*\}")
_BOARD_LABEL: Final = "${__field.labels.board}"
_TRACE_ID: Final = re.compile(r"[0-9A-Fa-f]+")
_POINTS: Final = {"maxDataPoints": 500, "intervalMs": 15_000}
_OTHER_PANEL: Final = "-- Dashboard --"
"""The data source of a panel that reuses the result of another panel."""


def source_uids() -> dict[str, str]:
    """Return the uid of each provisioned data source, by its type."""
    return {one["type"]: one["uid"] for one in yaml.safe_load(PROVISIONED.read_text())["datasources"]}


def links_of_sources() -> list[str]:
    """Return the link addresses of the provisioned data sources; `$$` in the file is an escaped `$`."""
    sources = yaml.safe_load(PROVISIONED.read_text().replace("$$", "$"))["datasources"]
    return links_of(one["jsonData"] for one in sources)


def links_of(settings: Iterable[Json]) -> list[str]:
    """Return the link addresses in the settings of data sources: those of exemplars, then those of log lines."""
    keys = ("exemplarTraceIdDestinations", "derivedFields")
    return [link["url"] for found in settings for key in keys for link in found.get(key, ())]


def chosen(board: Json, typed: Mapping[str, str]) -> dict[str, str]:
    """Return a value for every variable of a board: the provisioned data sources, all of a list, or the typed text.

    Args:
        board: the dashboard's JSON.
        typed: values of text variables by name; the others have the value that the file gives them.
    """
    uids = source_uids()
    values = {}
    for variable in board["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "datasource":
            values[name] = uids[variable["query"]]
        elif variable.get("includeAll"):
            values[name] = variable.get("allValue") or ".*"
        else:
            values[name] = typed.get(name, str(variable.get("current", {}).get("value", "")))
    return values


def filled(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with the variables in its texts filled in; a variable without a value stays as it is."""
    if isinstance(value, dict):
        return {name: filled(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, values) for one in value]
    return _filled(value, values) if isinstance(value, str) else value


def _filled(text: str, values: Mapping[str, str]) -> str:
    def replaced(found: re.Match[str]) -> str:
        name = found["braced"] or found["bare"]
        return _FORMATS.get(found["format"], _unchanged)(name, values[name]) if name in values else found[0]

    return _VARIABLE.sub(replaced, text)


def queries(panel: Json, values: Mapping[str, str]) -> list[Json]:
    """Return the panel's queries for POST /api/ds/query; none for a panel without queries of its own."""
    found = ({"datasource": panel.get("datasource")} | target for target in panel.get("targets", ()))
    ready = (filled(query, values) | _POINTS for query in found)
    return [_trace_by_id(query) for query in ready if query["datasource"]["uid"] != _OTHER_PANEL]


def _trace_by_id(query: Json) -> Json:
    """Return the query as Grafana's page sends it: TraceQL that is a trace id becomes a query of another type."""
    is_id = _is_tempo(query) and _TRACE_ID.fullmatch(query["query"].strip())
    return query | {"queryType": "traceId"} if is_id else query


def _is_tempo(query: Json) -> bool:
    return str(query["datasource"]["type"]) == "tempo"


def is_search(query: Json) -> bool:
    """Return whether it is a search for traces, which the page sends to Tempo because Grafana's server rejects it."""
    return _is_tempo(query) and str(query["queryType"]) != "traceId"


def request(asked: list[Json]) -> Json:
    """Return the body of POST /api/ds/query."""
    return RANGE | {"queries": asked}


def errors(asked: list[Json], answer: Json) -> dict[str, str]:
    """Return the errors by refId in a response to POST /api/ds/query.

    A good response is `{"results": {"A": {"status": 200, "frames": [...]}}}`; a failed query has `error`. A request
    that is rejected as a whole has `message`.
    """
    results = answer.get("results", {})
    missing = {"error": answer.get("message", "no result")}
    found = {query["refId"]: results.get(query["refId"], missing) for query in asked}
    return {
        letter: result.get("error", f"status {result.get('status')}")
        for letter, result in found.items()
        if "error" in result or result.get("status", 200) >= 400
    }


def address(link: str, values: Mapping[str, str], value: str) -> str:
    """Return a link's address for a field with this value; a series' label `board` is the uid of the board."""
    shown = "&".join(f"{name}={moment}" for name, moment in RANGE.items())
    of_a_board = link.replace(_BOARD_LABEL, Board.SERVER)
    return _OF_THE_FIELD.sub(value, _filled(of_a_board, {**values, "__url_time_range": shown}))


def links(board: Json) -> Iterator[str]:
    """Yield the addresses of dashboards that the board's panels link to, each once."""
    yield from dict.fromkeys(one for one in _urls(board["panels"]) if one.startswith("/d/"))


def _urls(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _urls(one)
    if isinstance(value, dict) and isinstance(value.get("url"), str):
        yield value["url"]
