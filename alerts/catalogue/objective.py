"""The delivery objective, and the watchdog that fires as long as alerting works."""

from typing import Final

from alerts.catalogue.relay import NAMES as RELAY_ALERTS
from alerts.model import Advice, Alert, CauseFrom, Component, Group, Severity
from dashboards.boards import Board

WATCHDOG: Final = "MailWatchdog"

MISSED: Final = Alert(
    name="MailDeliveryObjectiveMissed",
    severity=Severity.WARNING,
    expr="""job:postfix_deliveries_missed:ratio7d > 0.02
and job:postfix_deliveries_missed:increase7d >= 3
and job:postfix_deliveries_missed:increase1d >= 1""",
    hold="5m",
    summary="{{ $value | humanizePercentage }} of the mails of 7 days were late or not delivered",
    description="{{ $value | humanizePercentage }} of the mails of 7 days took more than 5 minutes, were returned, or "
    "are still deferred: "
    '{{ with query "job:postfix_deliveries_missed:increase7d" }}{{ . | first | value | printf "%.0f" }}{{ end }} of '
    '{{ with query "job:postfix_deliveries_ended:increase7d" }}{{ . | first | value | printf "%.0f" }}{{ end }}.',
    advice=CauseFrom.FAILURES,
    board=Board.OVERVIEW,
    reason="Objective: 98 % within 5 minutes over 7 days. At least 3 mails, because at 10 mails a day 2 % is a single "
    "mail; one of them today, so that a solved problem does not fire. Burn rates over hours need more mail than this.",
    silenced_by=("MailServerDown", "MailQuotaExhausted", *RELAY_ALERTS),
)

SWITCH: Final = Alert(
    name=WATCHDOG,
    severity=Severity.NONE,
    expr="vector(1)",
    summary="Mail alerting works",
    description="This alert always fires. Its receiver notifies when it stops: then Prometheus, Alertmanager or their "
    "network is down, and no other alert is delivered.",
    advice=Advice("none, this is normal.", "none."),
    board=Board.OVERVIEW,
    reason="Always. Sent every 5 minutes to ALERT_DEADMAN_URL; let that service notify after 15 minutes.",
)

GROUP: Final = Group(Component.OBJECTIVE, "The delivery objective and the watchdog", (MISSED, SWITCH))
