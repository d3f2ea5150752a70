"""The promise as a whole, and the switch that fires as long as alerting works."""

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
    summary="Mail is late or lost too often: {{ $value | humanizePercentage }} in a week",
    description="{{ $value | humanizePercentage }} of the week's mails took more than 5 minutes, came back, or wait "
    "since then: "
    '{{ with query "job:postfix_deliveries_missed:increase7d" }}{{ . | first | value | printf "%.0f" }}{{ end }} of '
    '{{ with query "job:postfix_deliveries_ended:increase7d" }}{{ . | first | value | printf "%.0f" }}{{ end }}.',
    advice=CauseFrom.FAILURES,
    board=Board.OVERVIEW,
    reason="98 % within 5 minutes over 7 days, and at least 3 mails, one of them today: at 10 mails a day 2 % is one "
    "mail, which is chance; a bad week that is over is no alert. Burn rates over hours need more mail than this.",
    silenced_by=("MailServerDown", "MailQuotaExhausted", *RELAY_ALERTS),
)

SWITCH: Final = Alert(
    name=WATCHDOG,
    severity=Severity.NONE,
    expr="vector(1)",
    summary="The alerting of mail works",
    description="This fires always. Its receiver raises the alarm when it stops coming: then Prometheus, Alertmanager "
    "or their way out is broken, and no other alert would arrive.",
    advice=Advice("none; this is how it should be.", "none."),
    board=Board.OVERVIEW,
    reason="Always. Sent every 5 minutes to ALERT_DEADMAN_URL; let that service complain after 15.",
)

GROUP: Final = Group(Component.OBJECTIVE, "The promise as a whole, and the dead man's switch", (MISSED, SWITCH))
