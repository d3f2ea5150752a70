"""The rules of grafana/dashboard-linter as tests: its binaries need a network, and its `go install` is broken.

Each rule is described at https://github.com/grafana/dashboard-linter/tree/main/docs/rules.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.board_files import Json, boards, filled, panels
from dashboards.model import Unit
from dashboards.recording_rules import TABLES
from tests.contract.promql import selectors

BOARDS = boards()
SOURCES = ("prometheus", "loki", "tempo")
NOT_OF_A_JOB = {"ALERTS", "ALERTS_FOR_STATE", *TABLES}
"""target-job and target-instance: these are series of Prometheus and its rules."""


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> Json:
    """Return each board in turn."""
    return BOARDS[request.param]


def every_panel() -> Iterator[Any]:
    """Yield every panel, as a test parameter."""
    for uid, found in BOARDS.items():
        for panel in panels(found):
            yield pytest.param(panel, id=f"{uid}: {panel['title']}")


def every_target(plugin: str) -> Iterator[Any]:
    """Yield every query to a kind of data source, as a test parameter."""
    for uid, found in BOARDS.items():
        for panel in panels(found):
            for target in panel.get("targets", ()):
                if target["datasource"]["type"] == plugin:
                    yield pytest.param(target, id=f"{uid}: {panel['title']} {target['refId']}")


def variable(found: Json, name: str) -> Json:
    """Return a variable of a board."""
    (one,) = (one for one in found["templating"]["list"] if one["name"] == name)
    return dict(one)


def test_template_datasource(board: Json) -> None:
    """Data sources are variables, named and labelled after their kind; Prometheus is the first."""
    kinds = [one["query"] for one in board["templating"]["list"] if one["type"] == "datasource"]
    assert kinds == list(SOURCES)
    for kind in kinds:
        assert variable(board, f"{kind}_datasource")["label"] == f"{kind.title()} data source"


@pytest.mark.parametrize("name", ["job", "instance"])
def test_template_job_and_instance(board: Json, name: str) -> None:
    """Both variables can be set by a link, have several values or all, use the chosen data source, and are hidden."""
    found = variable(board, name)
    assert found["datasource"] == {"type": "prometheus", "uid": "${prometheus_datasource}"}
    assert (found["type"], found["label"]) == ("query", name.title())
    assert (found["multi"], found["includeAll"], found["allValue"]) == (True, True, ".+")
    assert found["hide"] == 2


def test_template_label_promql_and_time_change_reload(board: Json) -> None:
    """Query variables are label values, and are queried again when the time range changes."""
    for one in board["templating"]["list"]:
        if one["type"] == "query":
            assert re.fullmatch(r"label_values\(\w+\{.*\}, \w+\)", one["query"]["query"])
            assert one["refresh"] == 2


def test_uneditable(board: Json) -> None:
    """Provisioned dashboards cannot be edited in Grafana."""
    assert board["editable"] is False


@pytest.mark.parametrize("panel", [*every_panel()])
def test_panel(panel: Json) -> None:
    """panel-title-description, panel-datasource, panel-units, panel-no-targets."""
    assert panel["title"]
    assert panel["description"]
    if panel["type"] == "text":
        return
    assert panel["targets"]
    assert panel["datasource"] in [{"type": kind, "uid": f"${{{kind}_datasource}}"} for kind in SOURCES]
    assert {str(target["datasource"]) for target in panel["targets"]} == {str(panel["datasource"])}
    assert panel["fieldConfig"]["defaults"]["unit"] in {*Unit}


@pytest.mark.parametrize("target", [*every_target("prometheus")])
def test_target_job_and_instance(target: Json) -> None:
    """Every selector uses both variables."""
    for selector in selectors(re.sub(r"\$__\w+", "5m", target["expr"])):
        if selector.metric not in NOT_OF_A_JOB:
            assert {("job", "=~", "$job"), ("instance", "=~", "$instance")} <= set(selector.matchers)


@pytest.mark.parametrize("target", [*every_target("prometheus")])
def test_target_rate_interval(target: Json) -> None:
    """rate() uses $__rate_interval, and nothing else does."""
    expression = target["expr"]
    assert re.findall(r"\birate\(", expression) == []
    assert expression.count("rate(") == expression.count("[$__rate_interval]")


@pytest.mark.parametrize("target", [*every_target("prometheus")])
def test_target_counter_agg(target: Json) -> None:
    """Every counter is inside rate() or increase(), or in the expression for a new counter.

    A new counter has no increase up to its first sample; its value then shows whether something occurred.
    """
    new = r"\(max_over_time\((\w+\{[^}]*\})\[\$__range\] @ end\(\)\) unless \1 @ end\(\) offset \$__range\)"
    bare = re.sub(new, "", target["expr"])
    bare = re.sub(r"(?:rate|increase)\(\w+\{[^}]*\}\[[^]]*\](?: @ end\(\))?\)", "", bare)
    assert re.findall(r"\w+_total\b", bare) == []


@pytest.mark.parametrize("target", [*every_target("prometheus")])
def test_target_histogram(target: Json) -> None:
    """Sums of buckets keep the label `le`."""
    for grouping in re.findall(r"by \(([^)]*)\) \(increase\(\w+_bucket", target["expr"]):
        assert "le" in grouping.split(", ") or 'le="' in target["expr"]


@pytest.mark.parametrize("target", [*every_target("prometheus")])
def test_target_promql(target: Json) -> None:
    """Brackets and quotes are balanced, and no variable is left; an integration test uses Prometheus's parser."""
    query = filled(target["expr"])
    assert "$" not in query.replace("$1", "")
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", query)
    assert '"' not in outside
    assert [outside.count(one) for one in "([{"] == [outside.count(one) for one in ")]}"]


@pytest.mark.parametrize("target", [*every_target("loki")])
def test_target_logql_auto(target: Json) -> None:
    """Graphs count by $__auto, tables by $__range."""
    step = "$__range" if target["queryType"] == "instant" else "$__auto"
    assert set(re.findall(r"\[([^]]*)\]\)", target["expr"])) <= {step}
