"""Panels that several dashboards have."""

from typing import Final

from alerts.model import Severity
from alerts.words import read_links
from dashboards import expressions as ask
from dashboards.boards import Board
from dashboards.logql import known, lines
from dashboards.model import Column, Kind, Lines, Link, Metrics, Panel, Said, Unit
from dashboards.thresholds import above, at, below, limit
from dashboards.ways import CAUSE, EVENT, QUEUE_ID, REPLY, TRACE_ID, WHEN, to
from mail_telemetry.causes import EXPLANATIONS
from mail_telemetry.names import Attribute, LogLine, Service

UP_OR_DOWN: Final = {"1": Said("Up", "green"), "0": Said("Down", "red")}
SERVICES: Final = (Service.API, Service.EXPORTER)
"""Those that write JSON lines."""

API_STATE: Final = Panel(
    Kind.STAT,
    "Mail API",
    "Good: Up, Prometheus can scrape it. Down: `docker logs mail-api`; websites cannot send until it is back.",
    (Metrics(ask.UP_API),),
    unit=Unit.STATE,
    idle="Not scraped",
    values=UP_OR_DOWN,
    link=to(Board.API, "Mail API"),
)
SERVER_STATE: Final = Panel(
    Kind.STAT,
    "Mail server",
    "Good: Up, the exporter can list the queue. Down: `docker logs mail-server`; the API answers 503 until it is "
    "back, and callers retry.",
    (Metrics(ask.UP_SERVER),),
    unit=Unit.STATE,
    idle="Unknown",
    values=UP_OR_DOWN,
    link=to(Board.SERVER, "Mail server"),
)
EXPORTER_STATE: Final = Panel(
    Kind.STAT,
    "Exporter",
    "Good: Up. Down: mail is still delivered, but these numbers are not updated; `docker logs mail-exporter`. The "
    "exporter reads the missed log lines when it is back.",
    (Metrics(ask.UP_EXPORTER),),
    unit=Unit.STATE,
    idle="Not scraped",
    values=UP_OR_DOWN,
    link=to(Board.TELEMETRY, "Telemetry health"),
)
ALERTS_TABLE: Final = Panel(
    Kind.TABLE,
    "Firing alerts",
    "Good: none. A click on an alert opens its runbook: meaning, impact, diagnosis, mitigation. If the number of "
    "alerts shows `No rules`, no alert can fire: alerts/README.md.",
    (Metrics(ask.FIRING, now=True),),
    idle="No alert is firing",
    columns=(
        Column("alertname", "Alert", link=Link("Runbook", f"{read_links().runbooks}/${{__value.raw}}.md")),
        Column(
            "severity",
            "Severity",
            width=90,
            values={
                Severity.CRITICAL.value: Said("critical", "red"),
                Severity.WARNING.value: Said("warning", "orange"),
                Severity.INFO.value: Said("info", "yellow"),
            },
        ),
    ),
)

CAUSES_TABLE: Final = Panel(
    Kind.TABLE,
    "Causes and next steps",
    "Delivery attempts that the relay did not accept in this time range. Good: none, or a few that a retry solved "
    "(greylist, connect). Otherwise take the next step; Postfix retries automatically, so nothing has to be sent "
    "again.",
    (Metrics(ask.FAILURES_EXPLAINED, now=True),),
    idle="No attempt failed in this time range",
    columns=(
        Column("cause", "Cause", width=90),
        Column("Value", "Attempts", width=80, unit=Unit.COUNT),
        Column(
            "meaning",
            "Meaning",
            values={cause.value: Said(row.meaning) for cause, row in EXPLANATIONS.items()},
            width=210,
            wrap=True,
        ),
        Column(
            "next_step",
            "Next step",
            values={cause.value: Said(row.next_step) for cause, row in EXPLANATIONS.items()},
            wrap=True,
        ),
    ),
    link=to(Board.SERVER, "Mail server"),
)

PROBLEMS: Final = Panel(
    Kind.TABLE,
    "Latest problems",
    "Newest warnings and errors of API and exporter, with failed delivery attempts. Good: none. A click on an id "
    "opens the message trail.",
    (Lines(lines(*SERVICES, where={"level": "warning|error|critical"}), most=50),),
    unit=Unit.TEXT,
    idle="No warning was logged in this time range",
    columns=(WHEN, EVENT, CAUSE, REPLY, QUEUE_ID, TRACE_ID),
)

NOT_ACCEPTED: Final = Panel(
    Kind.TABLE,
    "Latest rejected requests",
    "Responses to rejected requests. Good: none, or bots only (honeypot, filled_too_fast). Otherwise the reason names "
    "the field or the setting. A click on the trace opens the message trail.",
    (Lines(lines(Service.API, contain=[LogLine.NOT_ACCEPTED]), most=50),),
    unit=Unit.TEXT,
    idle="No request was rejected in this time range",
    columns=(
        WHEN,
        Column(known(Attribute.RESULT), "Result", width=170),
        Column(known(Attribute.RECIPIENT), "Recipient", width=170),
        Column("reason", "Reason", wrap=True),
        TRACE_ID,
    ),
)

OLDEST: Final = Panel(
    Kind.STAT,
    "Oldest deferred",
    "Age of the oldest deferred mail. Good: 0 s. Above half an hour, a retry alone seldom helps: see the causes, "
    "below or on the mail server dashboard. Mail above the daily limit can wait for hours.",
    (Metrics(ask.OLDEST),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
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
    idle="No data from the exporter",
    decimals=0,
    link=to(Board.SERVER, "Queues"),
)

USED: Final = Panel(
    Kind.STAT,
    "Quota used",
    "Share of the daily limit of the relay account that was used in the last 24 hours. It is an estimate from the "
    "mail log: mail sent with webmail is not counted. Good: far below 100 %. At 100 %, mail waits until the 24-hour "
    "window releases quota.",
    (Metrics(ask.USED_SHARE),),
    unit=Unit.SHARE,
    idle="No relay is configured (SMTP_RELAY_HOST)",
    steps=above(at(1.0, Severity.CRITICAL)),
    decimals=0,
    least=0,
    link=to(Board.QUOTA, "Mail quota"),
)

RUNS_OUT: Final = Panel(
    Kind.STAT,
    "Exhausted in",
    "Time until the quota is exhausted at the rate of the last hour. Good: not within a day. Within six hours: find "
    "the sender on the quota dashboard and stop it, or raise the limit of the account.",
    (Metrics(ask.RUNS_OUT),),
    unit=Unit.SECONDS,
    idle="Not within a day",
    steps=below(limit("MailQuotaWillRunOut", 1)),
    decimals=0,
    link=to(Board.QUOTA, "Mail quota"),
)
