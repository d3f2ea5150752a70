"""Postfix's way to write a time, so that one variable serves both services (postconf(5), "time units")."""

import re
from collections.abc import Callable
from typing import Final

_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_TIME: Final = re.compile(r"(?P<number>\d{1,9})(?P<unit>[smhdw]?)")


def parse_duration(default_unit: str) -> Callable[[object], object]:
    """Return the function that makes seconds of `300s`, `5d` or a number of the default unit.

    It raises ValueError for a text that is none of them; what is no text passes.
    """

    def parse(value: object) -> object:
        if not isinstance(value, str):
            return value
        found = _TIME.fullmatch(value.strip())
        if not found:
            raise ValueError("is not a time such as 300s, 10m, 1h or 5d")
        return int(found["number"]) * _SECONDS[found["unit"] or default_unit]

    return parse
