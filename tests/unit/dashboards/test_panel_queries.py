"""Panel queries and links with their variables filled in."""

import re

import pytest

from dashboards.board_files import Json, boards, panels
from tests.integration.dashboards.grafana import nanoseconds
from tests.integration.dashboards.panel_queries import (
    address,
    chosen,
    errors,
    filled,
    is_search,
    links,
    links_of_sources,
    queries,
    request,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
VALUES = {"job": ".+", "id": 'a"b', "trace": TRACE, "tempo_datasource": "mail-tempo", "dot": "a.b c"}
TEMPO: Json = {"type": "tempo", "uid": "${tempo_datasource}"}
LOKI: Json = {"type": "loki", "uid": "mail-loki"}
BOARDS = boards()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('up{job=~"$job"}', 'up{job=~".+"}', id="plain"),
        pytest.param("${job}", ".+", id="in braces"),
        pytest.param("|= ${id:doublequote}", '|= "a\\"b"', id="quoted"),
        pytest.param("${dot:regex}", r"a\.b\ c", id="for a regular expression"),
        pytest.param("?${dot:queryparam}", "?var-dot=a.b%20c", id="in a URL"),
        pytest.param("${dot:csv}", "a.b c", id="in a format for lists"),
        pytest.param("[$__rate_interval] ${__from}", "[$__rate_interval] ${__from}", id="global variable of Grafana"),
        pytest.param('"$1", ".*$"', '"$1", ".*$"', id="group of a regular expression"),
        pytest.param("$other", "$other", id="unknown"),
    ],
)
def test_filled(text: str, expected: str) -> None:
    """Every form of a dashboard variable is replaced; other names with a dollar sign stay."""
    assert filled({"expr": [text], "maxLines": 5}, VALUES) == {"expr": [expected], "maxLines": 5}


def test_chosen() -> None:
    """Values of variables: the provisioned data source, all of a list, the given text, or the constant of the file."""
    board: Json = {
        "templating": {
            "list": [
                {"type": "datasource", "name": "loki_datasource", "query": "loki"},
                {"type": "query", "name": "job", "includeAll": True, "allValue": ".+"},
                {"type": "textbox", "name": "id", "current": {"value": ""}},
                {"type": "constant", "name": "limit", "current": {"value": "5"}},
            ]
        }
    }
    expected = {"loki_datasource": "mail-loki", "job": ".+", "id": "msg_1", "limit": "5"}
    assert chosen(board, {"id": "msg_1"}) == expected


def test_request() -> None:
    """The body of POST /api/ds/query has the queries with data sources, the time range and the number of points."""
    panel: Json = {"datasource": LOKI, "targets": [{"refId": "A", "expr": "{container=${id:doublequote}}"}]}
    query = {
        "refId": "A",
        "datasource": LOKI,
        "expr": '{container="a\\"b"}',
        "maxDataPoints": 500,
        "intervalMs": 15_000,
    }
    assert request(queries(panel, VALUES)) == {"from": "now-1h", "to": "now", "queries": [query]}


@pytest.mark.parametrize(
    ("text", "kind", "search"),
    [
        pytest.param("${trace}", "traceId", False, id="trace id"),
        pytest.param('{ span.mail.queue_id = "4jd" }', "traceql", True, id="search"),
    ],
)
def test_traces(text: str, kind: str, search: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A trace is fetched by id through Grafana's server; a search is a TraceQL query."""
    target = {"refId": "A", "queryType": "traceql", "query": text, "datasource": TEMPO}
    (query,) = queries({"targets": [target]}, VALUES)
    assert (query["datasource"]["uid"], query["queryType"], is_search(query)) == ("mail-tempo", kind, search)


def test_panels_without_queries() -> None:
    """A text panel and a panel that reuses another panel's result have no queries."""
    again = {"refId": "A", "datasource": {"type": "datasource", "uid": "-- Dashboard --"}}
    assert queries({"type": "text"}, VALUES) == queries({"targets": [again]}, VALUES) == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param({"results": {"A": {"status": 200, "frames": []}, "B": {"frames": []}}}, {}, id="good"),
        pytest.param(
            {"results": {"A": {"status": 200}, "B": {"status": 400, "error": "parse error"}}},
            {"B": "parse error"},
            id="one error",
        ),
        pytest.param({"results": {"A": {"status": 500}, "B": {}}}, {"A": "status 500"}, id="error without a message"),
        pytest.param({"results": {"A": {}}}, {"B": "no result"}, id="no result"),
        pytest.param({"message": "bad request data"}, dict.fromkeys("AB", "bad request data"), id="rejected"),
    ],
)
def test_errors(answer: Json, expected: dict[str, str]) -> None:
    """Every query without a result has an error."""
    assert errors([{"refId": "A"}, {"refId": "B"}], answer) == expected


@pytest.mark.parametrize(("uid"), BOARDS)
def test_every_variable_has_a_value(uid: str) -> None:
    """The queries and links of the committed dashboards have no variable without a value."""
    values = chosen(BOARDS[uid], {"id": "msg_1", "trace": TRACE})
    for panel in panels(BOARDS[uid]):
        left = re.findall(r"\$\{?(\w+)", str(queries(panel, values)))
        assert values.keys() & {*left} == set()
    assert [link for link in links(BOARDS[uid]) if "$" in address(link, values, TRACE)] == []


def test_links_of_sources() -> None:
    """The links of exemplars and log lines open the trail dashboard with their trace."""
    paths = {address(link, {}, TRACE) for link in links_of_sources()}
    assert paths == {f"/d/mail-trail?var-id={TRACE}&var-trace={TRACE}"}


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param("2026-11-30T09:57:12.123456789Z", "1796032632123456789", id="nine digits"),
        pytest.param("2026-11-30T09:57:12.12Z", "1796032632120000000", id="two digits"),
        pytest.param("2026-11-30T09:57:12Z", "1796032632000000000", id="whole seconds"),
    ],
)
def test_nanoseconds(moment: str, expected: str) -> None:
    """A time from Docker's log is converted to Loki's nanoseconds."""
    assert nanoseconds(moment) == expected
