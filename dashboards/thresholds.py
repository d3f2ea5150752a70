"""Colours of numbers on dashboards, from the thresholds of the alerts: a number is red when an alert fires."""

import re
from typing import Final, NamedTuple

from alerts.catalogue import every_alert
from alerts.model import Alert, Severity
from dashboards.colours import GOOD, SEVERITIES

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_COMPARISON: Final = re.compile(r"(?<![\w=!])(>=|<=|==|>|<)\s*(\d[\d.]*(?:e\d+)?)(ms|[smhdw])?(?![\w.])")
_LAST_COMPARISON: Final = re.compile(rf"(.*?)\s*{_COMPARISON.pattern}(?:\nunless .*)?", re.DOTALL)
_ALERTS: Final = {alert.name: alert for alert in every_alert()}


class Step(NamedTuple):
    """A value and the colour from it on; None: the lowest values."""

    value: float | None
    colour: str


class Limit(NamedTuple):
    """A number that an alert compares with."""

    sign: str
    value: float
    colour: str

    @property
    def first(self) -> float:
        """Where the colour begins: at the number itself, for more than nothing just above it."""
        return self.value or _ANY

    def per(self, seconds: float) -> "Limit":
        """Return the same limit of a duration in another unit."""
        return self._replace(value=self.value / seconds)

    @property
    def rest(self) -> "Limit":
        """The same limit for the rest of a whole."""
        return self._replace(value=1 - self.value)


_ANY: Final = 0.001
"""More than nothing: increases over short times are fractions of one."""
CALM: Final = (Step(None, GOOD),)
"""No value is bad in itself."""


def alert(name: str) -> Alert:
    """Return the alert of that name.

    Raises:
        KeyError: there is none.
    """
    return _ALERTS[name]


def limit(name: str, number: int = 0) -> Limit:
    """Return a comparison of the alert's expression, in seconds where it is a duration.

    Args:
        name: the alert's.
        number: which of the comparisons in it.
    """
    sign, value, unit = _COMPARISON.findall(alert(name).expr)[number]
    return Limit(sign, float(value) * _SECONDS.get(unit, 1.0), SEVERITIES[alert(name).severity])


def at(value: float, severity: Severity) -> Limit:
    """Return a limit that is in no alert's expression, in the colour of that severity."""
    return Limit(">=", value, SEVERITIES[severity])


def above(*limits: Limit) -> tuple[Step, ...]:
    """Return colours for a number that is bad when it is high."""
    return (Step(None, GOOD), *(Step(one.first, one.colour) for one in sorted(limits, key=lambda one: one.value)))


def below(*limits: Limit) -> tuple[Step, ...]:
    """Return colours for a number that is bad when it is low."""
    falling = sorted(limits, key=lambda one: one.value)
    colours = [*(one.colour for one in falling), GOOD]
    return tuple(map(Step, (None, *(one.value for one in falling)), colours))


def compared(name: str) -> str:
    """Return what an alert of the form `expression comparison number` compares, without comparison and number.

    Raises:
        ValueError: its expression does not end so.
    """
    found = _LAST_COMPARISON.fullmatch(alert(name).expr)
    if found is None:
        raise ValueError(f"{name} does not end in a comparison with a number")
    return found[1]
