"""Quota: use of the relay's daily limit, by entry, with forecast and next release."""

from typing import Final

from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.model import Kind, Metrics, Page, Panel, Said, Shelf, Unit
from dashboards.thresholds import above, below, limit

_NO_RELAY: Final = "No relay is configured (SMTP_RELAY_HOST)"

_STATE: Final = Panel(
    Kind.STAT,
    "Quota state",
    "Good: Available. Important only: the API rejects forms and ordinary API keys, because the rest of the limit is "
    "reserved (QUOTA_RESERVE). Exhausted: the daily limit is reached by the estimate or by a reply of the relay. Mail "
    "waits in the queue and is sent when the rolling window releases quota. Nothing has to be sent again.",
    (Metrics(ask.QUOTA_STATE),),
    unit=Unit.STATE,
    idle=_NO_RELAY,
    values={"0": Said("Available", "green"), "1": Said("Important only", "red"), "2": Said("Exhausted", "red")},
)
_LEFT: Final = Panel(
    Kind.STAT,
    "Quota left",
    "Recipients that forms and ordinary API keys can still send to: the limit less QUOTA_RESERVE, less the used part "
    "and what is in the queue. Good: well above a day's need. At 0 the API rejects them.",
    (Metrics(ask.LEFT),),
    idle=_NO_RELAY,
    steps=below(limit("MailQuotaNoRoom")),
    decimals=0,
)
_RELEASED: Final = Panel(
    Kind.STAT,
    "Next release",
    "Time at which forms and ordinary API keys have room for one recipient again, if nothing else is sent. Good: Room "
    "now.",
    (Metrics(ask.REOPENS),),
    unit=Unit.MOMENT,
    idle=_NO_RELAY,
    values={"0": Said("Room now", "green")},
)
_WAITING: Final = Panel(
    Kind.STAT,
    "Deferred by quota",
    "Mails that the relay deferred because of the daily limit. Good: 0. One fires an alert: from then on all mail is "
    "deferred.",
    (Metrics(ask.WAITING_FOR_QUOTA),),
    idle="No data from the exporter",
    steps=above(limit("MailQuotaExhausted")),
    decimals=0,
)
_WINDOW: Final = Panel(
    Kind.SERIES,
    "Quota, rolling 24 h",
    "Recipients of the last 24 hours compared with the limit. Good: `used` stays far below `limit`. It falls only "
    "when recipients leave the 24-hour window, so a newsletter uses quota for a whole day.",
    (
        Metrics(ask.LIMIT, "limit"),
        Metrics(ask.USED, "used"),
        Metrics(ask.LEFT, "left"),
        Metrics(ask.ON_THE_WAY, "in queue"),
    ),
    idle=_NO_RELAY,
    decimals=0,
)
_SOURCES: Final = Panel(
    Kind.SERIES,
    "Quota used by entry",
    "Recipients in the 24-hour window, by the entry of the mail; `forwarded` is mail to MAIL_DOMAIN that was passed "
    "on. Good: mostly `api`. If forwarding uses much, lower FORWARD_DAILY_LIMIT or limit FORWARD_RECIPIENTS to the "
    "names in use.",
    (Metrics(ask.USED_BY, "{{entry}}, forwarded: {{forwarded}}"),),
    idle=_NO_RELAY,
    bars=True,
    decimals=0,
)
_TAKEN: Final = Panel(
    Kind.SERIES,
    "Sent per hour by relay",
    "Recipients that each relay accepted in the preceding hour. Good: an even line. A steep rise is a newsletter or a "
    "bot; the forecast uses this rate.",
    (Metrics(ask.TAKEN, "{{relay}}"),),
    idle="No data from the exporter",
    decimals=0,
)
_FORECAST: Final = Panel(
    Kind.SERIES,
    "Time to exhaustion",
    "Time until the quota is exhausted at the rate of the last hour. Good: no line, which means more than a day. "
    "Below the dashed line an alert fires: stop the sender, or spread the mails over days.",
    (Metrics(ask.RUNS_OUT),),
    unit=Unit.SECONDS,
    idle="Not within a day",
    steps=shared.RUNS_OUT.steps,
    limits=True,
)
_REFUSED: Final = Panel(
    Kind.SERIES,
    "Rejected by quota",
    "Requests that the API rejected because the quota is exhausted (`quota_exhausted`) or the API key reached its "
    "limit (`key_limit_reached`). Good: none. The response names the time for a retry.",
    (Metrics(ask.ADMISSIONS_REFUSED, "{{result}}"),),
    idle="No data from the API",
    bars=True,
    decimals=0,
)

PAGE: Final = Page(
    Board.QUOTA,
    "Mail quota",
    "Daily limit of the relay account: a rolling window of 24 hours, estimated from the mail log.",
    (
        Shelf(4, ((4, _STATE), (4, shared.USED), (4, _LEFT), (4, shared.RUNS_OUT), (4, _RELEASED), (4, _WAITING))),
        Shelf(9, ((12, _WINDOW), (12, _SOURCES))),
        Shelf(8, ((8, _TAKEN), (8, _FORECAST), (8, _REFUSED))),
        Shelf(8, ((24, shared.NOT_ACCEPTED),)),
    ),
    time="now-2d",
)
