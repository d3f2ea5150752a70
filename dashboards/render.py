"""Pages to Grafana's classic JSON, which Grafana 10 to 13 load by provisioning and by import."""

import json
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards import kinds
from dashboards.fields import defaults, overrides, transformations
from dashboards.frame import TAG, links, marks, variables
from dashboards.layout import Place, placed
from dashboards.model import Heading, Page, Panel
from dashboards.promql import STEP
from dashboards.targets import source_of, targets

_STEP: Final = "5m"
"""The least step of what is counted by steps: several scrapes, so that none falls between two of them."""


def dashboard_json(page: Page) -> str:
    """Return the dashboard as a file has it."""
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
        panels=[_shown(place, number) for number, place in enumerate(placed(page.parts), 1)],
        templating=sdk.DashboardDashboardTemplating(variables(page)),
        annotations=sdk.AnnotationContainer(marks()),
        links=links(),
    )
    return JSONEncoder(indent=2, ensure_ascii=False).encode(made) + "\n"


def parsed(page: Page) -> dict[str, object]:
    """Return the dashboard as a reader of the file sees it."""
    found: dict[str, object] = json.loads(dashboard_json(page))
    return found


def _shown(place: Place, number: int) -> sdk.Panel | sdk.RowPanel:
    position = sdk.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)
    if isinstance(place.what, Heading):
        return sdk.RowPanel(title=place.what.title, grid_pos=position, id_val=number)
    return _panel(place.what, position, number)


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
        options=kinds.options(panel),
        field_config=sdk.FieldConfigSource(defaults(panel), overrides(panel)),
        transformations=transformations(panel),
        transparent=None,
        repeat_direction=None,
    )
