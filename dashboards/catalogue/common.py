"""Panels and fallbacks that several dashboards have."""

from collections.abc import Mapping
from typing import Final

from alerts.annotations import read_links
from alerts.model import Severity
from dashboards import expressions as ask
from dashboards import logql
from dashboards.boards import Board
from dashboards.colours import GOOD, GREY, OUTCOMES, SEVERITIES
from dashboards.links import QUEUE_ID, TRACE_ID, to
from dashboards.logql import TRACE, known
from dashboards.model import Column, Fallback, Kind, Link, LogMetrics, Metrics, Origin, Panel, Text, Unit
from dashboards.thresholds import above, at, below, limit
from mail_telemetry.names import Attribute, LogLine, Outcome, Service

UP_OR_DOWN: Final = {"1": Text("Up", GOOD), "0": Text("Down", "red")}
SERVICES: Final = (Service.API, Service.EXPORTER)
"""Those that write JSON lines."""


def none(text: str) -> tuple[Fallback, ...]:
    """Return the fallback of a panel of the exporter: nothing happened."""
    return (Fallback(text, ask.EXPORTER_ANSWERS),)


def none_of_api(text: str) -> tuple[Fallback, ...]:
    """Return the fallback of a panel of the API: nothing happened."""
    return (Fallback(text, ask.API_ANSWERS),)


NO_RELAY: Final = Fallback("No relay (SMTP_RELAY_HOST)", ask.part_is_read("quota"), GREY)
"""The exporter has read the quota, and there is none."""

NOTHING_MEASURED: Final = "Nothing was measured in this time range, or no data"
"""In place of an empty heatmap."""

API_STATE: Final = Panel(
    Kind.STAT,
    "Mail API",
    "Good: Up, Prometheus can scrape it. Down: `docker logs mail-api`; websites cannot send until it is back.",
    (Metrics(ask.STATE_API),),
    origin=Origin.PROMETHEUS,
    values=UP_OR_DOWN,
    link=to(Board.API, "Mail API"),
)
SERVER_STATE: Final = Panel(
    Kind.STAT,
    "Mail server",
    "Good: Up, the exporter can list the queue. Down: `docker logs mail-server`; the API answers 503 until it is "
    "back, and callers retry. No data: the exporter is down, and only it can list the queue.",
    (Metrics(ask.STATE_SERVER),),
    values=UP_OR_DOWN,
    link=to(Board.SERVER, "Mail server"),
)
EXPORTER_STATE: Final = Panel(
    Kind.STAT,
    "Exporter",
    "Good: Up. Down: mail is still delivered, but its numbers are missing; `docker logs mail-exporter`. The exporter "
    "reads the missed log lines when it is back.",
    (Metrics(ask.STATE_EXPORTER),),
    origin=Origin.PROMETHEUS,
    values=UP_OR_DOWN,
    link=to(Board.TELEMETRY, "Telemetry health"),
)
ALERTS_TABLE: Final = Panel(
    Kind.TABLE,
    "Firing alerts",
    "Good: none. The most severe first, with what it affects. A click on an alert opens its runbook: meaning, impact, "
    "diagnosis, mitigation.",
    (Metrics(ask.FIRING_TABLE, now=True),),
    origin=Origin.RULES,
    fallbacks=(Fallback("No alert is firing", ask.RULES_LOADED),),
    fallback_column="affects",
    sort="rank",
    columns=(
        Column("alertname", "Alert", link=Link("Runbook", f"{read_links().runbooks}/${{__value.raw}}.md")),
        Column(
            "severity",
            "Severity",
            width=90,
            values={one.value: Text(one.value, colour) for one, colour in SEVERITIES.items()},
        ),
        Column("affects", "Affects", width=220),
        Column("Value", "Since", width=150, unit=Unit.AGE, values={"0": Text("-")}),
    ),
)

CAUSES_TABLE: Final = Panel(
    Kind.TABLE,
    "Causes and next steps",
    "Delivery attempts of this time range that the relay did not accept, by cause, and the mails that wait for it "
    "now. Good: none, or a few that a retry solved (greylist, connect). Otherwise take the next step; Postfix retries "
    "automatically, so nothing has to be sent again. A cause with 0 waiting and an old last time is repaired.",
    (
        Metrics(ask.CAUSE_ATTEMPTS, now=True),
        Metrics(ask.CAUSE_WAITING, now=True),
        Metrics(ask.CAUSE_LAST_SEEN, now=True),
    ),
    fallbacks=none("No attempt failed"),
    fallback_column="meaning",
    sort="-Value #C",
    columns=(
        Column("cause", "Cause", width=120),
        Column("Value #A", "Attempts", width=75, unit=Unit.NUMBER),
        Column("Value #B", "Waiting", width=70, unit=Unit.NUMBER),
        Column("Value #C", "Last", width=115, unit=Unit.AGE),
        Column("meaning", "Meaning", wrap=True),
        Column("next_step", "Next step", wrap=True),
    ),
    link=to(Board.SERVER, "Mail server"),
)

_PROBLEM_LINES: Final = logql.only_with(
    logql.first_of(
        logql.lines(*SERVICES, where={"level": "warning|error|critical", "message": f"!{LogLine.FINISH}"}),
        "cause",
        Attribute.CAUSE,
        Attribute.RESULT,
    ),
    TRACE,
    Attribute.QUEUE_ID,
)
_PROBLEM_KEYS: Final = ("message", "cause", QUEUE_ID.name, TRACE)
_RANKS: Final[Mapping[str, int]] = {
    Outcome.SENT: 1,
    Outcome.DISCARDED: 2,
    Outcome.DELETED: 3,
    Outcome.EXPIRED: 4,
    Outcome.BOUNCED: 5,
}
"""The worst outcome of a mail with several recipients has the highest rank."""
_OUTCOME_LINES: Final = logql.lines(Service.EXPORTER, contain=[LogLine.FINISH])
PROBLEMS: Final = Panel(
    Kind.TABLE,
    "Latest problems",
    "Warnings and errors of API and exporter, and failed delivery attempts: one row for each mail or cause, with the "
    "number of lines, the latest time, and the outcome of a mail that has left the queue. Good: none. A click on an "
    "id opens the message trail.",
    (
        LogMetrics(logql.count(_PROBLEM_LINES, *_PROBLEM_KEYS), now=True),
        LogMetrics(logql.latest(_PROBLEM_LINES, *_PROBLEM_KEYS), now=True),
        LogMetrics(
            f"{logql.ranked(_OUTCOME_LINES, Attribute.OUTCOME, _RANKS, QUEUE_ID.name)}\n"
            f"and on ({QUEUE_ID.name}) {logql.count(_PROBLEM_LINES, QUEUE_ID.name)}",
            now=True,
        ),
    ),
    unit=Unit.TEXT,
    origin=Origin.LOKI,
    empty="No warning was logged in this time range",
    sort="-Value #B",
    columns=(
        Column("Value #B", "Latest", width=115, unit=Unit.AGE),
        Column("Value #A", "Count", width=60, unit=Unit.NUMBER),
        Column("message", "Event"),
        Column("cause", "Cause", width=150),
        Column(
            "Value #C",
            "Outcome",
            width=90,
            values={str(rank): Text(outcome, OUTCOMES[outcome]) for outcome, rank in _RANKS.items()},
        ),
        QUEUE_ID,
        TRACE_ID,
    ),
)

_REJECTED_LINES: Final = logql.lines(Service.API, contain=[LogLine.NOT_ACCEPTED])
_REJECTED_KEYS: Final = (known(Attribute.RESULT), known(Attribute.RECIPIENT), "reason")
NOT_ACCEPTED: Final = Panel(
    Kind.TABLE,
    "Latest rejected requests",
    "Rejected requests, one row for each result, recipient and reason. Good: none, or bots only (honeypot, "
    "filled_too_fast). Otherwise the reason names the field or the setting.",
    (
        LogMetrics(logql.count(_REJECTED_LINES, *_REJECTED_KEYS), now=True),
        LogMetrics(logql.latest(_REJECTED_LINES, *_REJECTED_KEYS), now=True),
    ),
    unit=Unit.TEXT,
    origin=Origin.LOKI,
    empty="No rejected request was logged in this time range",
    sort="-Value #B",
    columns=(
        Column("Value #B", "Latest", width=115, unit=Unit.AGE),
        Column("Value #A", "Count", width=60, unit=Unit.NUMBER),
        Column(known(Attribute.RESULT), "Result", width=170),
        Column(known(Attribute.RECIPIENT), "Recipient", width=170),
        Column("reason", "Reason", wrap=True),
    ),
)

OLDEST: Final = Panel(
    Kind.STAT,
    "Oldest deferred",
    "Age of the oldest deferred mail. Good: 0 s. Above half an hour, a retry alone seldom helps: see the causes, "
    "below or on the mail server dashboard. Mail above the daily limit can wait for hours.",
    (Metrics(ask.OLDEST),),
    unit=Unit.SECONDS,
    steps=above(limit("MailQueueOldestTooOld"), limit("MailQueueStuck")),
    decimals=0,
    link=to(Board.SERVER, "Queues"),
)

WAITING: Final = Panel(
    Kind.STAT,
    "Queued mails",
    "Mails in the queue of Postfix. Good: 0, or a few for seconds. An increase of 20 in an hour fires an alert. If "
    "the number stays high, see the causes.",
    (Metrics(ask.WAITING),),
    decimals=0,
    link=to(Board.SERVER, "Queues"),
)

USED: Final = Panel(
    Kind.STAT,
    "Quota used",
    "Share of the daily limit of the relay account that was used in the last 24 hours. It is an estimate from the "
    "mail log: mail sent with webmail is not counted. Good: below 80 %. At 100 %, mail waits until the 24-hour "
    "window releases quota.",
    (Metrics(ask.USED_SHARE),),
    unit=Unit.SHARE,
    fallbacks=(NO_RELAY,),
    steps=above(limit("MailQuotaMostlyUsed"), at(1.0, Severity.CRITICAL)),
    decimals=0,
    minimum=0,
    link=to(Board.QUOTA, "Mail quota"),
)

LEFT: Final = Panel(
    Kind.STAT,
    "Quota left",
    "Recipients that forms and ordinary API keys can still send to: the limit less QUOTA_RESERVE, less the used part "
    "and what is in the queue. Good: well above a day's need. At 0 the API answers them with 429.",
    (Metrics(ask.LEFT),),
    fallbacks=(NO_RELAY,),
    steps=below(limit("MailQuotaNoRoom")),
    decimals=0,
    link=to(Board.QUOTA, "Mail quota"),
)

RUNS_OUT: Final = Panel(
    Kind.STAT,
    "Exhausted in",
    "Time until the quota is exhausted at the rate of the last hour. Good: not within a day. Within six hours: find "
    "the sender on the quota dashboard and stop it, or raise the limit of the account.",
    (Metrics(ask.RUNS_OUT),),
    unit=Unit.SECONDS,
    fallbacks=(Fallback("Not within a day", ask.LIMIT), NO_RELAY),
    steps=below(limit("MailQuotaWillRunOut", 1)),
    decimals=0,
    link=to(Board.QUOTA, "Mail quota"),
)
