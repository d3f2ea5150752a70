"""All dashboards, by their uid in Grafana; alerts link to them."""

from enum import StrEnum


class Board(StrEnum):
    """A dashboard's uid, which is also its path: GRAFANA/d/UID."""

    OVERVIEW = "mail-overview"
    API = "mail-api"
    SERVER = "mail-server"
    QUOTA = "mail-quota"
    TRAIL = "mail-trail"
    TELEMETRY = "mail-telemetry"
