"""Quota: use of the relay's daily limit, by entry, with forecast and next release."""

from typing import Final

from dashboards import expressions as ask
from dashboards.boards import Board
from dashboards.catalogue import common
from dashboards.colours import ENTRIES, GOOD, QUOTA, RESULTS
from dashboards.model import Fallback, Kind, Metrics, Origin, Page, Panel, Shelf, Text, Unit
from dashboards.thresholds import above, below, limit
from mail_api.error_codes import Code

_REFUSALS: Final = (Code.QUOTA_EXHAUSTED, Code.KEY_LIMIT_REACHED)

_STATE: Final = Panel(
    Kind.STAT,
    "Quota state",
    "Good: Available. Important only: the API rejects forms and ordinary API keys, because the rest of the limit is "
    "reserved (QUOTA_RESERVE). Exhausted: the daily limit is reached by the estimate or by a reply of the relay. Mail "
    "waits in the queue and is sent when the rolling window releases quota. Nothing has to be sent again.",
    (Metrics(ask.QUOTA_STATE),),
    fallbacks=(common.NO_RELAY,),
    values={"0": Text("Available", GOOD), "1": Text("Important only", "red"), "2": Text("Exhausted", "red")},
)
_RELEASED: Final = Panel(
    Kind.STAT,
    "Next release",
    "Time at which forms and ordinary API keys have room for one recipient again, if nothing else is sent. Good: Room "
    "now.",
    (Metrics(ask.REOPENS),),
    unit=Unit.CLOCK,
    fallbacks=(common.NO_RELAY,),
    values={"0": Text("Room now", GOOD)},
)
_WAITING: Final = Panel(
    Kind.STAT,
    "Deferred by quota",
    "Mails that the relay deferred because of the daily limit. Good: 0. One fires an alert: from then on all mail is "
    "deferred.",
    (Metrics(ask.WAITING_FOR_QUOTA),),
    steps=above(limit("MailQuotaExhausted")),
    decimals=0,
)
_WINDOW: Final = Panel(
    Kind.SERIES,
    "Quota, rolling 24 h",
    "Recipients of the last 24 hours, and those on their way to the relay, below the limit. Good: far below the "
    "lines. Above `limit for websites` (the limit less QUOTA_RESERVE) the API rejects forms. It falls only when "
    "recipients leave the 24-hour window, so a newsletter uses quota for a whole day.",
    (
        Metrics(ask.USED, "used"),
        Metrics(ask.ON_THE_WAY, "in queue"),
        Metrics(ask.LIMIT_FOR_WEBSITES, "limit for websites"),
        Metrics(ask.LIMIT, "limit"),
    ),
    fallbacks=(common.NO_RELAY,),
    colours=QUOTA,
    stacked=True,
    reference=("limit", "limit for websites"),
    decimals=0,
)
_FORECAST: Final = Panel(
    Kind.SERIES,
    "Time to exhaustion",
    "Time until the quota is exhausted at the rate of the last hour. Good: more than a day. "
    "Below the dashed line an alert fires: stop the sender, or spread the mails over days.",
    (Metrics(ask.RUNS_OUT_HOURS, "time to exhaustion"),),
    unit=Unit.HOURS,
    fallbacks=(Fallback("not within a day", ask.LIMIT, value=24), common.NO_RELAY),
    steps=below(limit("MailQuotaWillRunOut", 1).per(3600)),
    limits=True,
)
_SOURCES: Final = Panel(
    Kind.SERIES,
    "Quota used by entry",
    "Recipients in the 24-hour window, by the entry of the mail; `forwarded` is mail to MAIL_DOMAIN that was passed "
    "on. Good: mostly `api`. If forwarding uses much, lower FORWARD_DAILY_LIMIT or limit FORWARD_RECIPIENTS to the "
    "names in use.",
    (
        Metrics(
            ask.USED_BY, "{{entry}}, forwarded: {{forwarded}}", by=("entry", "forwarded"), occurred=ask.USED_ENTRIES
        ),
    ),
    fallbacks=(Fallback("nothing used", ask.LIMIT), common.NO_RELAY),
    colours=ENTRIES,
    stacked=True,
    decimals=0,
)
_TAKEN: Final = Panel(
    Kind.SERIES,
    "Sent per hour by relay",
    "Recipients that each relay accepted in the preceding hour. Good: an even line. A steep rise is a newsletter or a "
    "bot; the forecast uses this rate.",
    (Metrics(ask.TAKEN, "{{relay}}", by=("relay",), occurred=ask.TAKEN_RELAYS),),
    fallbacks=common.none("no mail sent"),
    decimals=0,
)
_REFUSED: Final = Panel(
    Kind.SERIES,
    "Rejected by quota",
    "Requests that the API rejected because the quota is exhausted (`quota_exhausted`) or the API key reached its "
    "limit (`key_limit_reached`). Good: none. The response names the time for a retry.",
    (Metrics(ask.asked_with(*_REFUSALS), "{{result}}", by=("result",), occurred=ask.occurred_with(*_REFUSALS)),),
    origin=Origin.API,
    fallbacks=common.none_of_api("no request rejected"),
    colours={one: RESULTS[one] for one in _REFUSALS},
    bars=True,
    decimals=0,
)

PAGE: Final = Page(
    Board.QUOTA,
    "Mail quota",
    "Daily limit of the relay account: a rolling window of 24 hours, estimated from the mail log.",
    (
        Shelf(4, ((8, _STATE), (8, common.LEFT), (8, _RELEASED))),
        Shelf(4, ((8, common.USED), (8, common.RUNS_OUT), (8, _WAITING))),
        Shelf(9, ((14, _WINDOW), (10, _FORECAST))),
        Shelf(8, ((8, _SOURCES), (8, _TAKEN), (8, _REFUSED))),
        Shelf(8, ((24, common.NOT_ACCEPTED),)),
    ),
    time="now-2d",
)
