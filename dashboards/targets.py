"""A panel's queries, each for its data source; Grafana names them by letters."""

from dataclasses import replace
from string import ascii_uppercase

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import loki, prometheus, tempo

from dashboards import fallbacks
from dashboards.data_sources import LOKI, PROMETHEUS, TEMPO
from dashboards.model import NUMBERS, Kind, Lines, LogMetrics, Metrics, Panel, Query
from dashboards.promql import scoped
from dashboards.recording_rules import RECORDED


def source_of(queries: tuple[Query, ...]) -> sdk.DataSourceRef | None:
    """Return the data source of a panel's queries; one panel asks one."""
    if not queries:
        return None
    if isinstance(queries[0], Metrics):
        return PROMETHEUS.ref
    return LOKI.ref if isinstance(queries[0], Lines | LogMetrics) else TEMPO.ref


def targets(panel: Panel) -> list[Dataquery]:
    """Return the queries as the SDK has them."""
    return [_target(query, letter, panel) for query, letter in zip(_queries(panel), ascii_uppercase, strict=False)]


def _queries(panel: Panel) -> list[Query]:
    """Return the panel's queries together with those of its fallbacks."""
    first, *others = panel.queries or (None,)
    if isinstance(first, Lines) and first.empty:
        return [first, LogMetrics(first.empty, now=True)]
    if not isinstance(first, Metrics):
        return list(panel.queries)
    if panel.kind in NUMBERS:
        return [replace(first, expr=fallbacks.number(panel, first)), *others]
    if panel.kind is Kind.TABLE:
        return [replace(first, expr=fallbacks.rows(panel, first)), *others]
    return list(fallbacks.series(panel))


def _target(query: Query, letter: str, panel: Panel) -> Dataquery:
    if isinstance(query, Metrics):
        return _metrics(query, letter, panel)
    if isinstance(query, Lines):
        return loki.Dataquery(
            expr=query.expr,
            max_lines=query.limit,
            query_type=loki.LokiQueryType.RANGE.value,
            ref_id=letter,
            datasource=LOKI.ref,
        )
    if isinstance(query, LogMetrics):
        return loki.Dataquery(
            expr=query.expr,
            legend_format=query.legend,
            query_type=(loki.LokiQueryType.INSTANT if query.now else loki.LokiQueryType.RANGE).value,
            ref_id=letter,
            datasource=LOKI.ref,
        )
    return tempo.TempoQuery(
        query=query.query,
        query_type=tempo.TempoQueryType.TRACEQL.value,
        limit=query.limit,
        table_type=tempo.SearchTableType.TRACES,
        filters=[],
        ref_id=letter,
        datasource=TEMPO.ref,
    )


def _metrics(query: Metrics, letter: str, panel: Panel) -> Dataquery:
    now = query.now or panel.kind in NUMBERS
    formats = {Kind.TABLE: prometheus.PromQueryFormat.TABLE, Kind.HEATMAP: prometheus.PromQueryFormat.HEATMAP}
    return prometheus.Dataquery(
        expr=scoped(query.expr, RECORDED),
        legend_format=query.legend or None,
        instant=now,
        range_val=not now,
        format_val=formats.get(panel.kind, prometheus.PromQueryFormat.TIME_SERIES),
        exemplar="_bucket" in query.expr and not now,
        editor_mode=prometheus.QueryEditorMode.CODE,
        ref_id=letter,
        datasource=PROMETHEUS.ref,
    )
