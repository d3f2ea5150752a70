"""Mail overview: the most important sentence, states, queue, quota, alerts; then mail flow, causes and problems."""

from typing import Final

from alerts.model import Severity
from dashboards import expressions as ask
from dashboards import verdict
from dashboards.boards import Board
from dashboards.catalogue import common
from dashboards.colours import ENTRIES, OUTCOMES
from dashboards.links import to
from dashboards.model import Kind, Link, Metrics, Origin, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, at, below, limit

_VERDICT: Final = Panel(
    Kind.STAT,
    "Mail now",
    "The most important sentence that is true. Good: Mail flows. Red: mail does not leave, or websites cannot send. "
    "Orange: something needs care soon. Grey: nothing is known. A click opens the dashboard that explains it; the "
    "alert below has the runbook.",
    (Metrics(verdict.EXPRESSION, "{{verdict}}"),),
    origin=Origin.PROMETHEUS,
    steps=verdict.STEPS,
    verdict=True,
    link=Link("Details", "/d/${__field.labels.board}?${__url_time_range}&${prometheus_datasource:queryparam}"),
)
_ALERTS: Final = Panel(
    Kind.STAT,
    "Alerts",
    "Number of firing alerts about mail. Good: 0. The table below lists them with their runbooks. No data: Prometheus "
    "has not loaded alerts/rules, so no alert can fire (alerts/README.md).",
    (Metrics(ask.FIRING_NUMBER),),
    origin=Origin.RULES,
    steps=above(at(0, Severity.WARNING)),
    decimals=0,
)
_ON_TIME: Final = Panel(
    Kind.STAT,
    "On time, 7 days",
    "Share of the mails of 7 days that the relay accepted within 5 minutes, counted per recipient. Good: 98 % or "
    "more. If less, see the failed attempts by cause. With few mails a day, one late mail is several per cent.",
    (Metrics(ask.ON_TIME),),
    unit=Unit.SHARE,
    fallbacks=common.none("No mail"),
    steps=below(limit("MailDeliveryObjectiveMissed").rest),
    decimals=1,
    link=to(Board.SERVER, "Failed attempts by cause"),
)
_GUESSES: Final = Panel(
    Kind.STAT,
    "Failed logins",
    "Failed logins and invalid API keys in 15 minutes, for the listener with the most. Good: a handful. 20 or more: a "
    "password attack, or a mail program with an old password. Block the address at the firewall.",
    (Metrics(ask.GUESSES),),
    steps=above(limit("MailAuthBruteForce")),
    decimals=0,
    link=to(Board.SERVER, "Connections and logins"),
)
_ABUSE: Final = Panel(
    Kind.STAT,
    "Relay abuse",
    "Rejected attempts in an hour to send to recipients that are not allowed. Good: a handful. 20 or more: a bot "
    "searches for an open relay, or a website sends to a recipient that is not in ALLOWED_RECIPIENTS.",
    (Metrics(ask.RELAY_ATTEMPTS),),
    steps=above(limit("MailRelayAbuseAttempts")),
    decimals=0,
    link=to(Board.SERVER, "Connections and logins"),
)
_IN: Final = Panel(
    Kind.SERIES,
    "Received mails by entry",
    "Mails that entered the queue. Good: the usual volume of your websites. If mails are missing, test the contact "
    "form and check the results of the API.",
    (Metrics(ask.RECEIVED, "{{entry}}", by=("entry",), occurred=ask.RECEIVED_ENTRIES),),
    fallbacks=common.none("no mail received"),
    colours=ENTRIES,
    bars=True,
    decimals=0,
    link=to(Board.API, "Mail API"),
)
_OUT: Final = Panel(
    Kind.SERIES,
    "Recipients by outcome",
    "Mails that left the queue, counted per recipient. Good: as many as received, all `sent`. `bounced` and `expired` "
    "mails were returned to the sender: the causes show the reason.",
    (Metrics(ask.FINISHED, "{{outcome}}", by=("outcome",), occurred=ask.FINISHED_OUTCOMES),),
    fallbacks=common.none("no mail left the queue"),
    colours=OUTCOMES,
    bars=True,
    decimals=0,
    link=to(Board.SERVER, "Mail server"),
)

PAGE: Final = Page(
    Board.OVERVIEW,
    "Mail overview",
    "Does mail flow, what is deferred and why, how much quota is left, are there attacks?",
    (
        Shelf(3, ((24, _VERDICT),)),
        Shelf(3, ((6, common.API_STATE), (6, common.SERVER_STATE), (6, common.EXPORTER_STATE), (6, _ALERTS))),
        Shelf(4, ((6, common.WAITING), (6, common.OLDEST), (6, common.USED), (6, common.LEFT))),
        Shelf(5, ((24, common.ALERTS_TABLE),)),
        Shelf(4, ((6, _ON_TIME), (6, common.RUNS_OUT), (6, _GUESSES), (6, _ABUSE))),
        Shelf(7, ((12, _IN), (12, _OUT))),
        Shelf(8, ((24, common.CAUSES_TABLE),)),
        Shelf(8, ((24, common.PROBLEMS),)),
    ),
)
