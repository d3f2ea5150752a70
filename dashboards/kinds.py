"""How each kind of panel is drawn: Grafana's options, the same on all dashboards."""

from typing import Any, Final

from grafana_foundation_sdk.models import common, heatmap, logs, stat, table, text, timeseries

from dashboards.model import Kind, Panel

_TOOLTIP: Final = common.VizTooltipOptions(
    mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING, hide_zeros=True
)


def options(panel: Panel) -> object:
    """Return the options of the panel's plugin."""
    return _OPTIONS[panel.kind](panel)


def field_options(panel: Panel) -> object | None:
    """Return how the plugin draws fields, where it knows something of the kind."""
    return _series_fields(panel) if panel.kind is Kind.SERIES else None


def _stat(panel: Panel) -> object:
    return stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.BACKGROUND if panel.values else common.BigValueColorMode.VALUE,
        justify_mode=common.BigValueJustifyMode.CENTER,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME if panel.named else common.BigValueTextMode.VALUE,
        wide_layout=False,
        reduce_options=common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields=""),
        orientation=common.VizOrientation.AUTO,
    )


def _series(panel: Panel) -> object:
    alone = len(panel.queries) == 1 and not getattr(panel.queries[0], "legend", "")
    return timeseries.Options(
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=not alone,
            calcs=[],
        ),
        tooltip=_TOOLTIP,
    )


def _series_fields(panel: Panel) -> common.GraphFieldConfig:
    bars = panel.bars
    lines = common.GraphThresholdsStyleMode.DASHED if panel.limits else common.GraphThresholdsStyleMode.OFF
    return common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE,
        fill_opacity=60 if bars else 10,
        line_width=1,
        show_points=common.VisibilityMode.AUTO,
        # A restart leaves a gap of a scrape or two; it is no news in a line of hours.
        span_nulls=False if bars else 5 * 60 * 1000,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL if bars else common.StackingMode.NONE),
        thresholds_style=common.GraphThresholdsStyleConfig(mode=lines),
        axis_soft_min=0,
        axis_soft_max=1 if panel.unit == "short" else None,
    )


def _table(_panel: Panel) -> object:
    return table.Options(frame_index=0, show_header=True, cell_height=common.TableCellHeight.SM)


def _heatmap(panel: Panel) -> object:
    return heatmap.Options(
        calculate=False,
        color=heatmap.HeatmapColorOptions(
            mode=heatmap.HeatmapColorMode.SCHEME,
            scheme="Oranges",
            scale=heatmap.HeatmapColorScale.EXPONENTIAL,
            exponent=0.5,
            steps=64,
        ),
        # What increases leave as a remainder is no observation.
        filter_values=heatmap.FilterValueRange(le=1e-9),
        y_axis=heatmap.YAxisConfig(unit=panel.unit, axis_placement=common.AxisPlacement.LEFT),
        legend=heatmap.HeatmapLegend(show=False),
        tooltip=heatmap.HeatmapTooltip(mode=common.TooltipDisplayMode.SINGLE, y_histogram=False),
        exemplars=heatmap.ExemplarConfig(color="rgba(255,0,255,0.7)"),
    )


def _logs(_panel: Panel) -> object:
    return logs.Options(
        show_time=True,
        wrap_log_message=True,
        enable_log_details=True,
        sort_order=common.LogsSortOrder.DESCENDING,
        dedup_strategy=common.LogsDedupStrategy.NONE,
    )


def _text(panel: Panel) -> object:
    return text.Options(mode=text.TextMode.MARKDOWN, content=panel.text)


def _traces(_panel: Panel) -> dict[str, Any]:
    return {}


_OPTIONS: Final = {
    Kind.STAT: _stat,
    Kind.SERIES: _series,
    Kind.TABLE: _table,
    Kind.HEATMAP: _heatmap,
    Kind.LOGS: _logs,
    Kind.TRACES: _traces,
    Kind.TEXT: _text,
}
