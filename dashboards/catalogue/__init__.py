"""All dashboards; each module is one."""

from typing import Final

from dashboards.catalogue import api, overview, quota, server, telemetry, trail
from dashboards.model import Page

PAGES: Final[tuple[Page, ...]] = (overview.PAGE, api.PAGE, server.PAGE, quota.PAGE, trail.PAGE, telemetry.PAGE)
