"""What all dashboards have around their panels: variables, links to each other, marks in time series."""

from typing import Final

from grafana_foundation_sdk.models import dashboard as sdk

from alerts.model import Severity
from dashboards.expressions import RESTARTS, alerts_begun
from dashboards.model import Page
from dashboards.promql import scoped
from dashboards.queries import RECORDED
from dashboards.sources import LOKI, PROMETHEUS, TEMPO, Source
from dashboards.thresholds import COLOURS

TAG: Final = "dinky-mail"


def variables(page: Page) -> list[sdk.VariableModel]:
    """Return the page's own text variables, then data sources, jobs and instances."""
    return [
        *(_text(name, label, about) for name, (label, about) in page.typed.items()),
        *(_source(source) for source in (PROMETHEUS, LOKI, TEMPO)),
        _labels("job", 'label_values(up{job=~"mail-.+"}, job)'),
        _labels("instance", 'label_values(up{job=~"$job",job=~"mail-.+"}, instance)'),
    ]


def _text(name: str, label: str, about: str) -> sdk.VariableModel:
    nothing = sdk.VariableOption(selected=True, text="", value="")
    return sdk.VariableModel(
        type_val=sdk.VariableType.TEXTBOX,
        name=name,
        label=label,
        description=about,
        query="",
        current=nothing,
        options=[nothing],
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
    """Return the way to the other dashboards, with the same time and variables."""
    return [
        sdk.DashboardLink(
            title="Mail",
            type_val=sdk.DashboardLinkType.DASHBOARDS,
            tags=[TAG],
            include_vars=True,
            keep_time=True,
        )
    ]


class _Mark(sdk.AnnotationQuery):
    """A Prometheus annotation; the SDK knows the words of the built-in data source only."""

    def __init__(self, name: str, expr: str, colour: str, title: str, text: str) -> None:
        super().__init__(name, PROMETHEUS.ref, icon_color=colour, built_in=None, expr=scoped(expr, RECORDED))
        self._words = {"titleFormat": title, "textFormat": text, "step": "1m", "useValueForTime": False}

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self._words


def marks() -> list[sdk.AnnotationQuery]:
    """Return what is marked in all time series: restarts, and the beginnings of critical alerts and warnings."""
    return [
        _Mark(
            name="Restarts",
            expr=RESTARTS,
            colour="blue",
            title="{{job}} started",
            text="A new version, a restart or a crash.",
        ),
        *(
            _Mark(
                name=name,
                expr=alerts_begun(severity),
                colour=COLOURS[severity],
                title="{{alertname}} began",
                text="{{about}}",
            )
            for name, severity in (("Critical alerts", Severity.CRITICAL), ("Warnings", Severity.WARNING))
        ),
    ]
