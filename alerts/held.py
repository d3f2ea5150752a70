"""keep_firing_for: which alerts would end when the exporter stops, and how long they are held.

The exporter's gauges vanish from Prometheus at the first scrape that fails. Without a hold, every alert on one of them
would be reported as resolved, minutes before MailExporterDown fires. Counters in a range (`increase(...[15m])`) do not
vanish: their samples stay in the range.
"""

import re
from typing import Final

from dashboards.queries import RECORDED
from mail_telemetry.names import METRICS

KEEP_FIRING_FOR: Final = "5m"
"""MailExporterDown takes 2 minutes, a scrape interval and an evaluation interval, of a minute each at most; and one to
spare."""

_NAME: Final = re.compile(r"[A-Za-z_:][\w:]*")
_GAUGES: Final = frozenset(
    metric.exposed for metric in METRICS if metric.kind == "gauge" and not metric.name.startswith("mail_api_")
)


def reads_gauges_of_exporter(expression: str) -> bool:
    """Return whether PromQL reads a gauge of the exporter, itself or through a recorded series."""
    read = set(_NAME.findall(expression))
    return not read.isdisjoint(_GAUGES) or any(
        reads_gauges_of_exporter(RECORDED[name]) for name in read & set(RECORDED)
    )
