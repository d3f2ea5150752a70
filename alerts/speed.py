"""Shortens the times of rules and routes, for the fire drill: the same rules, run fast."""

import re
from typing import Final

_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_QUOTED: Final = re.compile(r'("(?:[^"\\]|\\.)*")')
_DURATION: Final = re.compile(r"(?<![\w:.])(?:\d+(?:ms|[smhdw]))+(?![\w:])")
_PART: Final = re.compile(r"(\d+)(ms|[smhdw])")


def faster(expression: str, speed: int) -> str:
    """Return the PromQL or duration with every time span divided by `speed`.

    `max(x) > 30m and rate(y[1h]) > 0` at 60: `max(x) > 30s and rate(y[1m]) > 0`. Names (`x:rate5m`), plain numbers
    and what stands in quotes remain.
    """
    if speed == 1:
        return expression
    pieces = _QUOTED.split(expression)
    return "".join(
        piece if index % 2 else _DURATION.sub(lambda found: _divided(found[0], speed), piece)
        for index, piece in enumerate(pieces)
    )


def _divided(duration: str, speed: int) -> str:
    total = sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(duration))
    if total == 0:
        return duration
    milliseconds = max(1, round(total / speed))
    for unit in ("w", "d", "h", "m", "s"):
        if milliseconds % _MILLISECONDS[unit] == 0:
            return f"{milliseconds // _MILLISECONDS[unit]}{unit}"
    return f"{milliseconds}ms"
