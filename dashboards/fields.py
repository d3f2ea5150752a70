"""What a panel says about its numbers: units, colours, words in their place, columns, and where a click leads."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.models import dashboard as sdk

from dashboards import kinds
from dashboards.model import Column, Kind, Lines, Link, Panel, Said, Traces

_TIMES: Final = ("Time", "timestamp")
"""What Loki's lines call their time: in Grafana 12, and with its newer data format."""


def defaults(panel: Panel) -> sdk.FieldConfig:
    """Return what holds for all of the panel's fields."""
    return sdk.FieldConfig(
        unit=panel.unit.value,
        decimals=panel.decimals,
        min_val=panel.least,
        max_val=panel.most,
        no_value=panel.idle,
        mappings=_mappings(panel.values),
        thresholds=sdk.ThresholdsConfig(
            sdk.ThresholdsMode.ABSOLUTE, [sdk.Threshold(step.value, step.colour) for step in panel.steps]
        ),
        color=_colour(panel),
        links=[_link(panel.link)] if panel.link else [],
        custom=kinds.field_options(panel),
    )


def _colour(panel: Panel) -> sdk.FieldColor:
    by_steps = panel.kind is not Kind.SERIES
    return sdk.FieldColor(sdk.FieldColorModeId.THRESHOLDS if by_steps else sdk.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)


def _mappings(values: Mapping[str, Said]) -> list[sdk.ValueMapping]:
    if not values:
        return []
    results = {
        value: sdk.ValueMappingResult(text=said.text, color=said.colour, index=number)
        for number, (value, said) in enumerate(values.items())
    }
    return [sdk.ValueMap(results)]


def _link(link: Link) -> sdk.DashboardLink:
    return sdk.DashboardLink(title=link.title, url=link.url)


def overrides(panel: Panel) -> list[sdk.DashboardFieldConfigSourceOverrides]:
    """Return what holds for single fields: other names of series, and a table's columns."""
    return [
        *(_override(name, _property("displayName", shown)) for name, shown in panel.names.items()),
        *(_override(column.head, *_properties(column)) for column in panel.columns),
    ]


def _override(name: str, *properties: sdk.DynamicConfigValue) -> sdk.DashboardFieldConfigSourceOverrides:
    return sdk.DashboardFieldConfigSourceOverrides(sdk.MatcherConfig("byName", name), list(properties))


def _property(name: str, value: object) -> sdk.DynamicConfigValue:
    return sdk.DynamicConfigValue(name, value)


def _properties(column: Column) -> list[sdk.DynamicConfigValue]:
    # What `defaults` says of a panel without data would stand in every empty cell.
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
    elif any(said.colour for said in column.values.values()):
        found.append(_property("custom.cellOptions", {"type": "color-text"}))
    return found


def transformations(panel: Panel) -> list[sdk.DataTransformerConfig] | None:
    """Return what makes a table of its columns out of what the data source answers."""
    if not panel.columns or isinstance(panel.queries[0], Traces):
        return None
    lines = isinstance(panel.queries[0], Lines)
    wanted = [column.name for column in panel.columns]
    heads = {column.name: column.head for column in panel.columns}
    if _TIMES[0] in heads:
        heads[_TIMES[1]] = heads[_TIMES[0]]
    extracted = [sdk.DataTransformerConfig("extractFields", options={"source": "labels", "replace": False})]
    return [
        *(extracted if lines else []),
        sdk.DataTransformerConfig(
            "filterFieldsByName", options={"include": {"names": [*wanted, *(_TIMES[1:] if lines else ())]}}
        ),
        sdk.DataTransformerConfig(
            "organize",
            options={
                "indexByName": {name: number for number, name in enumerate(wanted)},
                "renameByName": heads,
                "excludeByName": {},
            },
        ),
    ]
