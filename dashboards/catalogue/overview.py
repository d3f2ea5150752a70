"""Mail overview: mail flow, deferred mail and its causes, quota, attacks and firing alerts."""

from typing import Final

from alerts.model import Severity
from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.model import Kind, Metrics, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, at, below, limit
from dashboards.ways import to

_ALERTS: Final = Panel(
    Kind.STAT,
    "Alerts",
    "Number of firing alerts about mail. Good: 0. The table below lists them with their runbooks. `No rules`: "
    "Prometheus has not loaded alerts/rules, so no alert can fire.",
    (Metrics(ask.FIRING_NUMBER),),
    idle="No rules",
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
    idle="No mail in 7 days",
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
    idle="No data",
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
    idle="No data",
    steps=above(limit("MailRelayAbuseAttempts")),
    decimals=0,
    link=to(Board.SERVER, "Connections and logins"),
)
_IN: Final = Panel(
    Kind.SERIES,
    "Received mails by entry",
    "Mails that entered the queue. Good: the usual volume of your websites. If mails are missing, test the contact "
    "form and check the results of the API.",
    (Metrics(ask.RECEIVED, "{{entry}}"),),
    idle="No mail was received in this time range",
    bars=True,
    decimals=0,
    link=to(Board.API, "Mail API"),
)
_OUT: Final = Panel(
    Kind.SERIES,
    "Recipients by outcome",
    "Mails that left the queue, counted per recipient. Good: as many as received, all `sent`. `bounced` and `expired` "
    "mails were returned to the sender: the causes show the reason.",
    (Metrics(ask.FINISHED, "{{outcome}}"),),
    idle="No mail left the queue in this time range",
    bars=True,
    decimals=0,
    link=to(Board.SERVER, "Mail server"),
)

PAGE: Final = Page(
    Board.OVERVIEW,
    "Mail overview",
    "Does mail flow, what is deferred and why, how much quota is left, are there attacks?",
    (
        Shelf(
            4,
            (
                (3, shared.API_STATE),
                (3, shared.SERVER_STATE),
                (3, shared.EXPORTER_STATE),
                (3, _ALERTS),
                (3, shared.OLDEST),
                (3, shared.WAITING),
                (3, _ON_TIME),
                (3, (_GUESSES, _ABUSE)),
            ),
        ),
        Shelf(6, ((4, (shared.USED, shared.RUNS_OUT)), (10, _IN), (10, _OUT))),
        Shelf(6, ((16, shared.CAUSES_TABLE), (8, shared.ALERTS_TABLE))),
        Shelf(7, ((24, shared.PROBLEMS),)),
    ),
)
