"""Mail overview: is mail flowing, what is stuck and why, how much is left for today, is anyone attacking me."""

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
    "How many alerts about mail fire. Good: 0. They stand in the table below, each with its runbook. `No rules`: "
    "Prometheus has not loaded alerts/rules, and nobody would be told of anything.",
    (Metrics(ask.FIRING_NUMBER),),
    idle="No rules",
    steps=above(at(0, Severity.WARNING)),
    decimals=0,
)
_ON_TIME: Final = Panel(
    Kind.STAT,
    "On time, 7 days",
    "Share of a week's recipients whose mail the relay had within 5 minutes. Good: 98 % or more. Less: see the "
    "failures by cause; at few mails a day one of them is several per cent.",
    (Metrics(ask.ON_TIME),),
    unit=Unit.SHARE,
    idle="No mail in 7 days",
    steps=below(limit("MailDeliveryObjectiveMissed").rest),
    decimals=1,
    link=to(Board.SERVER, "What was late"),
)
_GUESSES: Final = Panel(
    Kind.STAT,
    "Guessed logins",
    "Failed logins and wrong API keys in 15 minutes, at the door that has most. Good: a handful. 20 and more: somebody "
    "guesses passwords, or a mail program of yours has an old one; block the address at the firewall.",
    (Metrics(ask.GUESSES),),
    idle="No data",
    steps=above(limit("MailAuthBruteForce")),
    decimals=0,
    link=to(Board.SERVER, "Who knocks"),
)
_ABUSE: Final = Panel(
    Kind.STAT,
    "Relay attempts",
    "Tries in an hour to send to strangers through us. All were refused; good: a handful. 20 and more: a robot looks "
    "for an open relay, or a website of yours writes to somebody who is not in ALLOWED_RECIPIENTS.",
    (Metrics(ask.RELAY_ATTEMPTS),),
    idle="No data",
    steps=above(limit("MailRelayAbuseAttempts")),
    decimals=0,
    link=to(Board.SERVER, "Who knocks"),
)
_IN: Final = Panel(
    Kind.SERIES,
    "Mails in, by where they came in",
    "Mails that entered the queue. Good: what your sites usually send. None at all where there should be some: try "
    "the contact form, and see what the API answered.",
    (Metrics(ask.RECEIVED, "{{entry}}"),),
    idle="No mail came in",
    bars=True,
    decimals=0,
    link=to(Board.API, "The API"),
)
_OUT: Final = Panel(
    Kind.SERIES,
    "Recipients out, by outcome",
    "Recipients whose mail left the queue. Good: as many as came in, all `sent`. `bounced` and `expired` came back to "
    "their sender: the causes say why.",
    (Metrics(ask.FINISHED, "{{outcome}}"),),
    idle="No mail left the queue",
    bars=True,
    decimals=0,
    link=to(Board.SERVER, "The mail server"),
)

PAGE: Final = Page(
    Board.OVERVIEW,
    "Mail overview",
    "Is mail flowing, what is stuck and why, how much may still be sent today, is anyone attacking?",
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
