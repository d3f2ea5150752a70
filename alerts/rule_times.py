"""Times of alert rules: keep_firing_for, and shorter times for `make drill`.

keep_firing_for holds alerts that would end when the exporter stops. Its gauges vanish from Prometheus at the first
scrape that fails; without a hold, every alert on one of them would be reported as resolved, minutes before
MailExporterDown fires. Counters in a range (`increase(...[15m])`) do not disappear: their samples stay in the range.
"""

import re
from typing import Final

from dashboards.recording_rules import RECORDED
from mail_telemetry.metrics import exporter

KEEP_FIRING_FOR: Final = "5m"
"""MailExporterDown fires after 2 minutes, a scrape interval and an evaluation interval of at most a minute each, and a
minute to spare."""

_NAME: Final = re.compile(r"[A-Za-z_:][\w:]*")
_GAUGES: Final = frozenset(metric.exposed for metric in exporter.METRICS if metric.kind == "gauge")
_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_QUOTED: Final = re.compile(r'("(?:[^"\\]|\\.)*")')
_DURATION: Final = re.compile(r"(?<![\w:.])(?:\d+(?:ms|[smhdw]))+(?![\w:])")
_PART: Final = re.compile(r"(\d+)(ms|[smhdw])")


def reads_gauges_of_exporter(expression: str) -> bool:
    """Return whether PromQL reads a gauge of the exporter, itself or through a recorded series."""
    read = set(_NAME.findall(expression))
    return not read.isdisjoint(_GAUGES) or any(
        reads_gauges_of_exporter(RECORDED[name]) for name in read & set(RECORDED)
    )


def faster(expression: str, speed: int) -> str:
    """Return PromQL or a duration with every time span divided by `speed`.

    `max(x) > 30m and rate(y[1h]) > 0` at 60: `max(x) > 30s and rate(y[1m]) > 0`. Names (`x:rate5m`), plain numbers
    and quoted text remain.
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
