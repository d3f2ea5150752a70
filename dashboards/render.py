"""From pages to Grafana's classic JSON, which Grafana 10 to 13 load by provisioning and by import."""

import json
from dataclasses import replace
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as sdk

from alerts.model import Severity
from dashboards import panel_options
from dashboards.boards import Board
from dashboards.colours import SEVERITIES
from dashboards.data_sources import LOKI, PROMETHEUS, TEMPO, Source
from dashboards.expressions import RESTARTS, alerts_begun
from dashboards.field_config import defaults, overrides, transformations
from dashboards.layout import Place, placed
from dashboards.model import Heading, Page, Panel, TextVariable
from dashboards.promql import STEP, scoped
from dashboards.recording_rules import RECORDED
from dashboards.targets import source_of, targets

TAG: Final = "dinky-mail"
_STEP: Final = "5m"
"""Smallest step of graphs with a value for each step: several scrapes, so that no increase is between two of them."""


def dashboard_json(page: Page) -> str:
    """Return the dashboard as the text of its file."""
    made = sdk.Dashboard(
        uid=page.board.value,
        title=page.title,
        description=page.about,
        tags=[TAG],
        timezone="browser",
        editable=False,
        graph_tooltip=sdk.DashboardCursorSync.CROSSHAIR,
        time=sdk.DashboardDashboardTime(page.time, "now"),
        refresh="1m",
        panels=[_shown(place, number, page.board) for number, place in enumerate(placed(page.parts), 1)],
        templating=sdk.DashboardDashboardTemplating(variables(page)),
        annotations=sdk.AnnotationContainer(annotations()),
        links=links(),
    )
    return JSONEncoder(indent=2, ensure_ascii=False).encode(made) + "\n"


def parsed(page: Page) -> dict[str, object]:
    """Return the dashboard as parsed JSON."""
    found: dict[str, object] = json.loads(dashboard_json(page))
    return found


def _shown(place: Place, number: int, board: Board) -> sdk.Panel | sdk.RowPanel:
    position = sdk.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)
    if isinstance(place.what, Heading):
        return sdk.RowPanel(title=place.what.title, grid_pos=position, id_val=number)
    return _panel(_without_link_to(place.what, board), position, number)


def _without_link_to(panel: Panel, board: Board) -> Panel:
    """Return the panel, without its link if that leads to its own dashboard."""
    leads_here = panel.link is not None and panel.link.url.startswith(f"/d/{board}?")
    return replace(panel, link=None) if leads_here else panel


def _panel(panel: Panel, position: sdk.GridPos, number: int) -> sdk.Panel:
    return sdk.Panel(
        type_val=panel.kind.value,
        id_val=number,
        title=panel.title,
        description=panel.description,
        grid_pos=position,
        datasource=source_of(panel.queries),
        targets=targets(panel),
        interval=_STEP if any(STEP in getattr(query, "expr", "") for query in panel.queries) else None,
        options=panel_options.options(panel),
        field_config=sdk.FieldConfigSource(defaults(panel), overrides(panel)),
        transformations=transformations(panel),
        transparent=None,
        repeat_direction=None,
    )


def variables(page: Page) -> list[sdk.VariableModel]:
    """Return the page's own text variables, data sources, and (hidden) jobs and instances."""
    return [
        *(_text(one) for one in page.variables),
        *(_source(source) for source in (PROMETHEUS, LOKI, TEMPO)),
        _labels("job", 'label_values(up{job=~"mail-.+"}, job)'),
        _labels("instance", 'label_values(up{job=~"$job",job=~"mail-.+"}, instance)'),
    ]


def _text(one: TextVariable) -> sdk.VariableModel:
    default = sdk.VariableOption(selected=True, text=one.default, value=one.default)
    return sdk.VariableModel(
        type_val=sdk.VariableType.TEXTBOX,
        name=one.name,
        label=one.label,
        description=one.description,
        query=one.default,
        hide=sdk.VariableHide.HIDE_VARIABLE if one.hidden else None,
        current=default,
        options=[default],
        auto=None,
        auto_min=None,
        auto_count=None,
    )


def _source(source: Source) -> sdk.VariableModel:
    return sdk.VariableModel(
        type_val=sdk.VariableType.DATASOURCE,
        name=source.variable,
        label=f"{source.plugin.title()} data source",
        query=source.plugin,
        refresh=sdk.VariableRefresh.ON_DASHBOARD_LOAD,
        auto=None,
        auto_min=None,
        auto_count=None,
    )


def _labels(name: str, query: str) -> sdk.VariableModel:
    return sdk.VariableModel(
        type_val=sdk.VariableType.QUERY,
        name=name,
        label=name.title(),
        hide=sdk.VariableHide.HIDE_VARIABLE,
        query={"query": query, "refId": name},
        datasource=PROMETHEUS.ref,
        current=sdk.VariableOption(selected=True, text=["All"], value=["$__all"]),
        multi=True,
        include_all=True,
        all_value=".+",
        refresh=sdk.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=sdk.VariableSort.ALPHABETICAL_ASC,
        auto=None,
        auto_min=None,
        auto_count=None,
    )


def links() -> list[sdk.DashboardLink]:
    """Return the links to the other dashboards, with the same time and variables."""
    return [
        sdk.DashboardLink(
            title="Mail",
            type_val=sdk.DashboardLinkType.DASHBOARDS,
            tags=[TAG],
            include_vars=True,
            keep_time=True,
        )
    ]


class _Annotation(sdk.AnnotationQuery):
    """A Prometheus annotation; the SDK has only the fields of Grafana's own annotations."""

    def __init__(self, name: str, expr: str, colour: str, title: str, text: str) -> None:
        super().__init__(name, PROMETHEUS.ref, icon_color=colour, built_in=None, expr=scoped(expr, RECORDED))
        self._words = {"titleFormat": title, "textFormat": text, "step": "1m", "useValueForTime": False}

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self._words


def annotations() -> list[sdk.AnnotationQuery]:
    """Return what is marked in all graphs: restarts, and the beginnings of critical alerts and warnings."""
    return [
        _Annotation(
            name="Restarts",
            expr=RESTARTS,
            colour="blue",
            title="{{job}} started",
            text="A new version, a restart or a crash.",
        ),
        *(
            _Annotation(
                name=name,
                expr=alerts_begun(severity),
                colour=SEVERITIES[severity],
                title="{{alertname}} began",
                text="{{about}}",
            )
            for name, severity in (("Critical alerts", Severity.CRITICAL), ("Warnings", Severity.WARNING))
        ),
    ]
