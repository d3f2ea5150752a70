"""How a panel shows its values: units, colours, texts in place of values, columns, and links."""

import re
from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards import fallbacks, panel_options
from dashboards.colours import GREY
from dashboards.model import NUMBERS, UNKNOWN_COLOUR, Column, Kind, Lines, Link, Panel, Text, Traces

_TIMES: Final = ("Time", "timestamp")
"""Names that Loki's lines have for their time: in Grafana 12, and with its newer data format."""


def defaults(panel: Panel) -> sdk.FieldConfig:
    """Return what holds for all fields of the panel."""
    return sdk.FieldConfig(
        unit=panel.unit.value,
        decimals=panel.decimals,
        min_val=panel.minimum,
        max_val=panel.maximum,
        no_value=panel.no_value,
        mappings=_panel_mappings(panel),
        thresholds=sdk.ThresholdsConfig(
            sdk.ThresholdsMode.ABSOLUTE, [sdk.Threshold(step.value, step.colour) for step in panel.steps]
        ),
        color=_colour(panel),
        links=[_link(panel.link)] if panel.link else [],
        custom=panel_options.field_options(panel),
    )


def _colour(panel: Panel) -> sdk.FieldColor:
    if panel.kind is Kind.STATES:  # with thresholds, Grafana merges states and ignores the colours of values
        return sdk.FieldColor(sdk.FieldColorModeId.FIXED, fixed_color=GREY)
    by_name = panel.kind is Kind.SERIES
    return sdk.FieldColor(sdk.FieldColorModeId.PALETTE_CLASSIC_BY_NAME if by_name else sdk.FieldColorModeId.THRESHOLDS)


def _panel_mappings(panel: Panel) -> list[sdk.ValueMapping]:
    if panel.kind not in NUMBERS:
        return _mappings(panel.values)
    unknown = sdk.DashboardSpecialValueMapOptions(
        match=sdk.SpecialValueMatch.NULL_AND_NAN,
        result=sdk.ValueMappingResult(text=panel.no_value, color=UNKNOWN_COLOUR, index=0),
    )
    return [sdk.SpecialValueMap(unknown), *_mappings({**panel.values, **fallbacks.of_numbers(panel)}, first=1)]


def _mappings(values: Mapping[str, Text], first: int = 0) -> list[sdk.ValueMapping]:
    if not values:
        return []
    results = {
        value: sdk.ValueMappingResult(text=shown.text, color=shown.colour, index=number)
        for number, (value, shown) in enumerate(values.items(), first)
    }
    return [sdk.ValueMap(results)]


def _link(link: Link) -> sdk.DashboardLink:
    return sdk.DashboardLink(title=link.title, url=link.url)


def overrides(panel: Panel) -> list[sdk.DashboardFieldConfigSourceOverrides]:
    """Return what holds for single fields: names and colours of series, and the columns of a table."""
    return [
        # One override for name and colour: a later one would look for the old name.
        *(
            _by_name(name, _property("displayName", shown), _fixed(panel.colours[shown]))
            for name, shown in panel.names.items()
        ),
        *(
            _by_first_word(name, _fixed(colour))
            for name, colour in panel.colours.items()
            if name not in panel.names.values()
        ),
        *(_by_name(one.text, _fixed(GREY)) for one in panel.fallbacks if panel.kind is Kind.SERIES),
        *(_by_name(name, *_reference_line()) for name in panel.reference),
        *(_by_name(column.heading, *_properties(column)) for column in panel.columns),
    ]


def _by_name(name: str, *properties: sdk.DynamicConfigValue) -> sdk.DashboardFieldConfigSourceOverrides:
    return sdk.DashboardFieldConfigSourceOverrides(sdk.MatcherConfig("byName", name), list(properties))


def _by_first_word(name: str, *properties: sdk.DynamicConfigValue) -> sdk.DashboardFieldConfigSourceOverrides:
    pattern = f"/^{re.escape(name)}(?:,? |$)/".replace("\\ ", " ")
    return sdk.DashboardFieldConfigSourceOverrides(sdk.MatcherConfig("byRegexp", pattern), list(properties))


def _property(name: str, value: object) -> sdk.DynamicConfigValue:
    return sdk.DynamicConfigValue(name, value)


def _fixed(colour: str) -> sdk.DynamicConfigValue:
    return _property("color", {"mode": "fixed", "fixedColor": colour})


def _reference_line() -> tuple[sdk.DynamicConfigValue, ...]:
    return (
        _property("custom.stacking", {"mode": "none", "group": "A"}),
        _property("custom.fillOpacity", 0),
        _property("custom.lineStyle", {"fill": "dash", "dash": [10, 10]}),
    )


def _properties(column: Column) -> list[sdk.DynamicConfigValue]:
    # The text of `defaults` for a panel without data would be in every empty cell.
    found = [_property("noValue", "-")]
    if column.unit:
        found.append(_property("unit", column.unit.value))
    if column.width:
        found.append(_property("custom.width", column.width))
    if column.values:
        found.append(_property("mappings", _mappings(column.values)))
    if column.link:
        found.append(_property("links", [_link(column.link)]))
    if column.wrap:
        found.append(_property("custom.cellOptions", {"type": "auto", "wrapText": True}))
    elif any(shown.colour for shown in column.values.values()):
        found.append(_property("custom.cellOptions", {"type": "color-text"}))
    return found


def transformations(panel: Panel) -> list[sdk.DataTransformerConfig] | None:
    """Return the transformations that make the columns of a table from the data source's response."""
    if not panel.columns or isinstance(panel.queries[0], Traces):
        return None
    lines = isinstance(panel.queries[0], Lines)
    merged = lines or len(panel.queries) > 1
    joins = merged and not lines  # by the time of the query, which is the same in all tables
    names = [column.name for column in panel.columns]
    key = panel.sort.removeprefix("-")
    hidden = {key} - {*names, ""}
    headings = {column.name: column.heading for column in panel.columns}
    if lines and _TIMES[0] in headings:
        headings[_TIMES[1]] = headings[_TIMES[0]]
    hidden |= {_TIMES[0]} if joins else set()
    kept = [*names, *sorted(hidden), *(_TIMES[1:] if lines else ())]
    arranged = {
        "indexByName": {name: position for position, name in enumerate(names)},
        "renameByName": headings,
        "excludeByName": dict.fromkeys(sorted(hidden), True),
    }
    return [
        *([_step("extractFields", source="labels", replace=False)] if lines else []),
        _step("filterFieldsByName", include={"names": kept}),
        *([_step("merge")] if merged else []),
        *([_step("sortBy", fields={}, sort=[{"field": key, "desc": panel.sort.startswith("-")}])] if key else []),
        _step("organize", **arranged),
    ]


def _step(name: str, **options: object) -> sdk.DataTransformerConfig:
    return sdk.DataTransformerConfig(name, options=options)
