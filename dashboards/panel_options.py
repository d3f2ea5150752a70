"""How each kind of panel is drawn: options of Grafana's plugins, the same on all dashboards."""

from typing import Any, Final

from grafana_foundation_sdk.models import bargauge, common, heatmap, logs, stat, statetimeline, table, text, timeseries

from dashboards.model import Kind, Panel, Unit

_WHOLE_TICKS: Final = 4
"""An axis up to here or further has ticks at whole numbers; shorter ones would repeat `0` and `1`."""
_TOOLTIP: Final = common.VizTooltipOptions(
    mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING, hide_zeros=True
)


def options(panel: Panel) -> object:
    """Return the options of the panel's plugin."""
    return _OPTIONS[panel.kind](panel)


def field_options(panel: Panel) -> object | None:
    """Return how the plugin draws fields, for plugins that have such options."""
    if panel.kind is Kind.SERIES:
        return _series_fields(panel)
    return statetimeline.FieldConfig(fill_opacity=80) if panel.kind is Kind.STATES else None


def _last_value() -> common.ReduceDataOptions:
    return common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields="")


def _stat(panel: Panel) -> object:
    filled = panel.values or panel.verdict
    return stat.Options(
        graph_mode=common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.BACKGROUND_SOLID if filled else common.BigValueColorMode.VALUE,
        justify_mode=common.BigValueJustifyMode.CENTER,
        text_mode=common.BigValueTextMode.NAME if panel.verdict else common.BigValueTextMode.VALUE,
        wide_layout=False,
        reduce_options=_last_value(),
        orientation=common.VizOrientation.AUTO,
    )


def _bar_gauge(_panel: Panel) -> object:
    return bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.TEXT,
        name_placement=common.BarGaugeNamePlacement.LEFT,
        sizing=common.BarGaugeSizing.AUTO,
        show_unfilled=True,
        reduce_options=_last_value(),
        orientation=common.VizOrientation.HORIZONTAL,
    )


def _states(_panel: Panel) -> object:
    return statetimeline.Options(
        show_value=common.VisibilityMode.NEVER,
        row_height=0.8,
        merge_values=True,
        legend=common.VizLegendOptions(
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            show_legend=True,
            calcs=[],
        ),
        tooltip=common.VizTooltipOptions(mode=common.TooltipDisplayMode.SINGLE, sort=common.SortOrder.NONE),
    )


def _series(panel: Panel) -> object:
    alone = len(panel.queries) == 1 and not getattr(panel.queries[0], "legend", "") and not panel.fallbacks
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
    bars, stacked = panel.bars, panel.bars or panel.stacked
    lines = common.GraphThresholdsStyleMode.DASHED if panel.limits else common.GraphThresholdsStyleMode.OFF
    return common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE,
        fill_opacity=60 if stacked else 10,
        line_width=1,
        show_points=common.VisibilityMode.AUTO,
        # A restart leaves a gap of a scrape or two, which is not worth an interruption of the line.
        span_nulls=False if bars else 5 * 60 * 1000,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL if stacked else common.StackingMode.NONE),
        thresholds_style=common.GraphThresholdsStyleConfig(mode=lines),
        axis_soft_min=0,
        axis_soft_max=_WHOLE_TICKS if panel.unit is Unit.NUMBER else None,
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
        # Rounding errors of increase() are no observations.
        filter_values=heatmap.FilterValueRange(le=1e-9),
        y_axis=heatmap.YAxisConfig(unit=panel.unit, axis_placement=common.AxisPlacement.LEFT),
        legend=heatmap.HeatmapLegend(show=False),
        tooltip=heatmap.HeatmapTooltip(mode=common.TooltipDisplayMode.SINGLE, y_histogram=False),
        exemplars=heatmap.ExemplarConfig(color="rgba(255,0,255,0.7)"),
    )


def _logs(panel: Panel) -> object:
    return logs.Options(
        show_time=True,
        wrap_log_message=True,
        enable_log_details=True,
        sort_order=common.LogsSortOrder.ASCENDING if panel.sort else common.LogsSortOrder.DESCENDING,
        dedup_strategy=common.LogsDedupStrategy.NONE,
    )


def _text(panel: Panel) -> object:
    return text.Options(mode=text.TextMode.MARKDOWN, content=panel.text)


def _traces(_panel: Panel) -> dict[str, Any]:
    return {}


_OPTIONS: Final = {
    Kind.STAT: _stat,
    Kind.BAR_GAUGE: _bar_gauge,
    Kind.STATES: _states,
    Kind.SERIES: _series,
    Kind.TABLE: _table,
    Kind.HEATMAP: _heatmap,
    Kind.LOGS: _logs,
    Kind.TRACES: _traces,
    Kind.TEXT: _text,
}
