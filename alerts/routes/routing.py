"""Alertmanager's route and inhibition rules for alerts about mail."""

from collections import defaultdict
from typing import Any, Final

from alerts.catalogue import every_alert
from alerts.catalogue.objective import WATCHDOG as WATCHDOG_ALERT
from alerts.model import SERVICE, Severity
from alerts.routes.receivers import MAIL, WATCHDOG
from alerts.rule_times import faster

Config = dict[str, Any]

_OUR: Final = f'service="{SERVICE}"'


def route(speed: int = 1) -> Config:
    """Return the route of all alerts about mail.

    Args:
        speed: divides all times.
    """
    return {
        "receiver": MAIL,
        "matchers": [_OUR],
        "group_by": ["component"],
        **_timed(speed, wait="30s", interval="5m", repeat="12h"),
        "routes": [
            {
                "receiver": WATCHDOG,
                "matchers": [f'alertname="{WATCHDOG_ALERT}"'],
                **_timed(speed, wait="0s", interval="1m", repeat="5m"),
            },
            {
                # Sent at once and one by one, as is their end.
                "matchers": [f'severity="{Severity.CRITICAL}"'],
                "group_by": ["alertname"],
                **_timed(speed, wait="0s", interval="1m", repeat="4h"),
            },
            {
                "matchers": [f'severity="{Severity.INFO}"'],
                **_timed(speed, wait="10m", interval="1h", repeat="1d"),
            },
        ],
    }


def inhibitions() -> list[Config]:
    """Return the inhibition rules: alerts that follow from another one are not sent while it fires."""
    targets: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for alert in every_alert():
        for source in alert.silenced_by:
            targets[source, ()].append(alert.name)
        for source in alert.silenced_by_same:
            targets[source, alert.same].append(alert.name)
    return [
        {
            "source_matchers": [f'alertname="{source}"'],
            "target_matchers": [_OUR, f'alertname=~"{"|".join(names)}"'],
        }
        | ({"equal": list(same)} if same else {})
        for (source, same), names in targets.items()
    ]


def _timed(speed: int, *, wait: str, interval: str, repeat: str) -> Config:
    return {
        "group_wait": faster(wait, speed),
        "group_interval": faster(interval, speed),
        "repeat_interval": faster(repeat, speed),
    }
