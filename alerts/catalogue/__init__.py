"""All alerts, by component; each module is one rule file."""

from typing import Final

from alerts.catalogue import api, exporter, objective, queue, quota, relay, server
from alerts.model import Alert, Group

GROUPS: Final[tuple[Group, ...]] = (
    api.GROUP,
    server.GROUP,
    queue.GROUP,
    relay.GROUP,
    quota.GROUP,
    exporter.GROUP,
    objective.GROUP,
)


def every_alert() -> tuple[Alert, ...]:
    """Return all alerts, in the order of the files."""
    return tuple(alert for group in GROUPS for alert in group.alerts)
