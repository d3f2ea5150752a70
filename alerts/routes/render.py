"""Alertmanager's configuration: a whole file, and what to add to one that is there already."""

from typing import Final

from alerts.routes.receivers import MAIL, receivers
from alerts.routes.settings import RouteSettings
from alerts.routes.tree import inhibitions, route
from alerts.yaml_text import dump

_ORIGIN: Final = "Written by `make alert-routes` from the variables ALERT_*. Alertmanager 0.28 or newer."


def whole(settings: RouteSettings, speed: int = 1) -> str:
    """Return an alertmanager.yml that serves mail alone; alerts of others would reach the same people."""
    return dump(
        {
            "route": {"receiver": MAIL, "routes": [route(speed)]},
            "receivers": receivers(settings),
            "inhibit_rules": inhibitions(),
        },
        _ORIGIN,
    )


def snippet(settings: RouteSettings) -> str:
    """Return what to add to an alertmanager.yml that serves others too."""
    parts = (
        ("routes", [route()], "Put this first below `route:`, `routes:`, so that no other route takes it."),
        ("receivers", receivers(settings), "Add these below `receivers:`."),
        ("inhibit_rules", inhibitions(), "Add these below `inhibit_rules:`."),
    )
    return f"# {_ORIGIN}\n" + "".join("\n" + dump({name: part}, comment) for name, part, comment in parts)
