"""Alertmanager's configuration as a whole file, and as parts for an existing one."""

from typing import Final

from alerts.routes.receivers import MAIL, receivers
from alerts.routes.routing import inhibitions, route
from alerts.routes.settings import RouteSettings
from alerts.yaml_text import dump

_ORIGIN: Final = "Written by `make alert-routes` from the variables ALERT_*. Alertmanager 0.28 or newer."


def whole(settings: RouteSettings, speed: int = 1) -> str:
    """Return an alertmanager.yml for alerts about mail only; other alerts would go to the same receivers."""
    return dump(
        {
            "route": {"receiver": MAIL, "routes": [route(speed)]},
            "receivers": receivers(settings),
            "inhibit_rules": inhibitions(),
        },
        _ORIGIN,
    )


def snippet(settings: RouteSettings) -> str:
    """Return the parts to add to an existing alertmanager.yml."""
    parts = (
        ("routes", [route()], "Put this first below `route:`, `routes:`, so that no other route takes it."),
        ("receivers", receivers(settings), "Add these below `receivers:`."),
        ("inhibit_rules", inhibitions(), "Add these below `inhibit_rules:`."),
    )
    return f"# {_ORIGIN}\n" + "".join("\n" + dump({name: part}, comment) for name, part, comment in parts)
