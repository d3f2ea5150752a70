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
    "Good: Up, Prometheus reaches it. Down: `docker logs mail-api`; websites get no answer meanwhile.",
    (Metrics(ask.UP_API),),
    unit=Unit.STATE,
    idle="Not scraped",
    values=UP_OR_DOWN,
    link=to(Board.API, "The API"),
)
SERVER_STATE: Final = Panel(
    Kind.STAT,
    "Mail server",
    "Good: Up, it lists its queue. Down: `docker logs mail-server`; the API answers 503 meanwhile, and callers retry.",
    (Metrics(ask.UP_SERVER),),
    unit=Unit.STATE,
    idle="Unknown",
    values=UP_OR_DOWN,
    link=to(Board.SERVER, "The mail server"),
)
EXPORTER_STATE: Final = Panel(
    Kind.STAT,
    "Exporter",
    "Good: Up. Down: mail goes on, but all numbers here stand still; `docker logs mail-exporter`. It reads what it "
    "missed when it is back.",
    (Metrics(ask.UP_EXPORTER),),
    unit=Unit.STATE,
    idle="Not scraped",
    values=UP_OR_DOWN,
    link=to(Board.TELEMETRY, "Telemetry health"),
)
ALERTS_TABLE: Final = Panel(
    Kind.TABLE,
    "Alerts firing",
    "Good: none. A click on one opens its runbook: what it means, how to look closer, how to mend it. "
    "If the state line says that the rules are not loaded, none can fire: alerts/README.md.",
    (Metrics(ask.FIRING, now=True),),
    idle="No alert is firing",
    columns=(
        Column("alertname", "Alert", link=Link("Its runbook", f"{read_links().runbooks}/${{__value.raw}}.md")),
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
    "Failed attempts by cause, and what to do",
    "Attempts that the relay did not take in this time. Good: none, or a few that a retry has mended (greylist, "
    "connect). Otherwise: the step on the right; Postfix tries again by itself, so that nothing has to be sent anew.",
    (Metrics(ask.FAILURES_EXPLAINED, now=True),),
    idle="No attempt failed in this time",
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
    link=to(Board.SERVER, "The mail server's dashboard"),
)

PROBLEMS: Final = Panel(
    Kind.TABLE,
    "Latest problems",
    "The newest warnings and errors of API and exporter, failed attempts among them. Good: none. A click on an id "
    "opens the mail's whole story with its trace.",
    (Lines(lines(*SERVICES, where={"level": "warning|error|critical"}), most=50),),
    unit=Unit.TEXT,
    idle="No problem was logged in this time",
    columns=(WHEN, EVENT, CAUSE, REPLY, QUEUE_ID, TRACE_ID),
)

NOT_ACCEPTED: Final = Panel(
    Kind.TABLE,
    "Latest requests that were not accepted",
    "What callers were told. Good: none, or robots (honeypot, filled_too_fast). Otherwise: the reason names the field "
    "or the setting; a click on the trace opens the request's whole story.",
    (Lines(lines(Service.API, contain=[LogLine.NOT_ACCEPTED]), most=50),),
    unit=Unit.TEXT,
    idle="Every request in this time was accepted",
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
    "Oldest waiting",
    "How long the oldest deferred mail has waited. Good: 0 s. From half an hour on a retry alone no longer mends it: "
    "see the causes, below or on the mail server's dashboard. Mail over the daily limit waits for hours by nature.",
    (Metrics(ask.OLDEST),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
    steps=above(limit("MailQueueOldestTooOld"), limit("MailQueueStuck")),
    decimals=0,
    link=to(Board.SERVER, "Queues"),
)

WAITING: Final = Panel(
    Kind.STAT,
    "In the queue",
    "Mails that Postfix has and the relay has not. Good: 0, or a few for seconds. Growth by 20 in an hour fires an "
    "alert; a number that stays is explained by the causes.",
    (Metrics(ask.WAITING),),
    idle="No data from the exporter",
    decimals=0,
    link=to(Board.SERVER, "Queues"),
)

USED: Final = Panel(
    Kind.STAT,
    "Quota used",
    "Share of the relay account's daily limit that the last 24 hours used, by the mail log: an estimate, for what is "
    "sent by web mail is not seen. Good: far from 100 %. At 100 % all mail waits until the oldest leaves the window.",
    (Metrics(ask.USED_SHARE),),
    unit=Unit.SHARE,
    idle="No relay is configured (SMTP_RELAY_HOST)",
    steps=above(at(1.0, Severity.CRITICAL)),
    decimals=0,
    least=0,
    link=to(Board.QUOTA, "Who uses it, and when it is released"),
)

RUNS_OUT: Final = Panel(
    Kind.STAT,
    "Used up in",
    "When nothing will be left, if mail goes on as in the last hour. Good: not within a day. Within six hours: find "
    "the sender on the quota dashboard and stop it, or raise the account's limit.",
    (Metrics(ask.RUNS_OUT),),
    unit=Unit.SECONDS,
    idle="Not within a day",
    steps=below(limit("MailQuotaWillRunOut", 1)),
    decimals=0,
    link=to(Board.QUOTA, "Who uses it"),
)
