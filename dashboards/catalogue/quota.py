"""Quota: how much of the relay's daily limit is used, by whom, and when it comes back."""

from typing import Final

from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.model import Kind, Metrics, Page, Panel, Said, Shelf, Unit
from dashboards.thresholds import above, below, limit

_NO_RELAY: Final = "No relay is configured (SMTP_RELAY_HOST)"

_STATE: Final = Panel(
    Kind.STAT,
    "The relay",
    "Good: Takes mail. Important only: the API refuses forms and ordinary API keys, for what is left of the limit is "
    "kept (QUOTA_RESERVE). Exhausted: by our count or its own words the relay takes nothing now; mail waits in the "
    "queue and leaves by itself when the window moves on.",
    (Metrics(ask.QUOTA_STATE),),
    unit=Unit.STATE,
    idle=_NO_RELAY,
    values={"0": Said("Takes mail", "green"), "1": Said("Important only", "red"), "2": Said("Exhausted", "red")},
)
_LEFT: Final = Panel(
    Kind.STAT,
    "Left now",
    "Recipients that forms and ordinary API keys may still send to: the limit less QUOTA_RESERVE, less what is used "
    "and what is in the queue. Good: well above what a day needs. At 0 the API refuses them.",
    (Metrics(ask.LEFT),),
    idle=_NO_RELAY,
    steps=below(limit("MailQuotaNoRoom")),
    decimals=0,
)
_RELEASED: Final = Panel(
    Kind.STAT,
    "Next release",
    "When forms and ordinary API keys have room for one recipient again, if nothing else is sent. Good: Room now.",
    (Metrics(ask.REOPENS),),
    unit=Unit.MOMENT,
    idle=_NO_RELAY,
    values={"0": Said("Room now", "green")},
)
_WAITING: Final = Panel(
    Kind.STAT,
    "Waiting for quota",
    "Mails that the relay refused for its limit. Good: 0. One is an alert: from then on all mail waits.",
    (Metrics(ask.WAITING_FOR_QUOTA),),
    idle="No data from the exporter",
    steps=above(limit("MailQuotaExhausted")),
    decimals=0,
)
_WINDOW: Final = Panel(
    Kind.SERIES,
    "The rolling window: used, left, on their way",
    "Recipients of the last 24 hours against the limit. Good: `used` stays far below `limit`. It falls only when what "
    "was sent a day ago leaves the window, so a newsletter is felt for a whole day.",
    (
        Metrics(ask.LIMIT, "limit"),
        Metrics(ask.USED, "used"),
        Metrics(ask.LEFT, "left"),
        Metrics(ask.ON_THE_WAY, "on their way"),
    ),
    idle=_NO_RELAY,
    decimals=0,
)
_SOURCES: Final = Panel(
    Kind.SERIES,
    "Who uses it",
    "The window's recipients by where their mails came in; `forwarded yes` is mail of others, passed on. Good: mostly "
    "`api`. Forwarding takes much: lower FORWARD_DAILY_LIMIT, or FORWARD_RECIPIENTS to the names in use.",
    (Metrics(ask.USED_BY, "{{entry}}, forwarded {{forwarded}}"),),
    idle=_NO_RELAY,
    bars=True,
    decimals=0,
)
_TAKEN: Final = Panel(
    Kind.SERIES,
    "Taken in an hour",
    "Recipients that each relay took in the hour before. Good: even. A steep hour is a newsletter or a robot: the "
    "forecast goes by it.",
    (Metrics(ask.TAKEN, "{{relay}}"),),
    idle="No data from the exporter",
    decimals=0,
)
_FORECAST: Final = Panel(
    Kind.SERIES,
    "Time until it is used up",
    "If mail goes on as in the last hour. Good: no line, for it is not within a day. Below the dashed line an alert "
    "fires: stop what sends so much, or spread it over days.",
    (Metrics(ask.RUNS_OUT),),
    unit=Unit.SECONDS,
    idle="Not within a day",
    steps=shared.RUNS_OUT.steps,
    limits=True,
)
_REFUSED: Final = Panel(
    Kind.SERIES,
    "Requests refused for the limit",
    "The API refuses new mail when nothing is left (`quota_exhausted`) or a key has had its share "
    "(`key_limit_reached`), with the time when it is worth trying again. Good: none.",
    (Metrics(ask.ADMISSIONS_REFUSED, "{{result}}"),),
    idle="No data from the API",
    bars=True,
    decimals=0,
)

PAGE: Final = Page(
    Board.QUOTA,
    "Mail quota",
    "The relay account's daily limit: a rolling window of 24 hours, an estimate from the mail log.",
    (
        Shelf(4, ((4, _STATE), (4, shared.USED), (4, _LEFT), (4, shared.RUNS_OUT), (4, _RELEASED), (4, _WAITING))),
        Shelf(9, ((12, _WINDOW), (12, _SOURCES))),
        Shelf(8, ((8, _TAKEN), (8, _FORECAST), (8, _REFUSED))),
        Shelf(8, ((24, shared.NOT_ACCEPTED),)),
    ),
    time="now-2d",
)
