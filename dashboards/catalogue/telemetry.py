"""Telemetry health: mail log, ledger, spans and scrapes behind the other dashboards."""

from typing import Final

from dashboards import expressions as ask
from dashboards.boards import Board
from dashboards.catalogue import common
from dashboards.colours import AMBER, CAUSES, GOOD, GREY, LINE_RESULTS, SERVICES
from dashboards.logql import attempts_by_cause, count, known, latest, lines
from dashboards.model import Column, Heading, Kind, LogMetrics, Metrics, Origin, Page, Panel, Shelf, Text, Unit
from dashboards.thresholds import above, limit
from mail_telemetry.names import Attribute, LogLine, Service

_LAG: Final = Panel(
    Kind.STAT,
    "Log lag",
    "Time between the end of the mail log and the position of the exporter. Good: 0 s. Minutes: the exporter reads a "
    "backlog after an outage, or waits for the ledger (pending ledger writes, below).",
    (Metrics(ask.LAG),),
    unit=Unit.SECONDS,
    steps=above(limit("MailLogLag")),
    decimals=0,
)
_LAST_LINE: Final = Panel(
    Kind.STAT,
    "Newest log line",
    "Age of the newest line in the mail log. Good: under a minute, because the health check of the server logs every "
    "minute. Ten minutes: Postfix or its logging hangs; `docker restart mail-server`.",
    (Metrics(ask.LAST_LINE),),
    unit=Unit.SECONDS,
    steps=above(limit("MailLogNotAdvancing")),
    decimals=0,
)
_GAPS: Final = Panel(
    Kind.STAT,
    "Log gaps",
    "Number of times that log lines may be missing. Good: 0; otherwise deliveries and quota may be counted too low. "
    "Raise MAIL_LOG_KEEP if the exporter is often down for long.",
    (Metrics(ask.GAPS),),
    steps=above(limit("MailLogGap")),
    decimals=0,
)
_DROPPED: Final = Panel(
    Kind.STAT,
    "Dropped spans",
    "Spans that were not exported in this time range. Good: 0. Otherwise the collector of OTEL_EXPORTER_OTLP_ENDPOINT "
    "is down or too slow. Mail and metrics are not affected.",
    (Metrics(ask.SPANS_DROPPED_IN_ALL),),
    steps=above(limit("MailTelemetryDropped")),
    decimals=0,
)
_PARTS: Final = Panel(
    Kind.STATES,
    "Scrape success by part",
    "Whether the exporter can read each part. Good: all green. `queue`: the mail server is down; `log`, "
    "`volumes`: a volume is not mounted; `certificate`: port 587 offers no TLS; `quota`, `ledger`: the database; "
    "`traces`: the collector. `docker logs mail-exporter` shows the reason.",
    (Metrics(ask.PARTS, "{{part}}"),),
    values={"1": Text("Read", GOOD), "0": Text("Not readable", "red"), "-1": Text("No data", GREY)},
)
_UP: Final = Panel(
    Kind.STATES,
    "Scrape targets",
    "Whether Prometheus can scrape the services. Good: both green. No row: Prometheus does not have the target; check "
    "the labels `prometheus.*` of the containers.",
    (Metrics(ask.UP, "{{job}}"),),
    origin=Origin.PROMETHEUS,
    values={**common.UP_OR_DOWN, "-1": Text("No target", GREY)},
)
_LINES: Final = Panel(
    Kind.SERIES,
    "Log lines per second",
    "Lines that the exporter read from the mail log, by result. Good: a steady rate, all `parsed`.",
    (Metrics(ask.LINES, "{{result}}", by=("result",), occurred=ask.LINE_RESULTS),),
    unit=Unit.LINES_PER_SECOND,
    fallbacks=common.none("no line read"),
    colours=LINE_RESULTS,
)
_NOT_UNDERSTOOD: Final = Panel(
    Kind.SERIES,
    "Unparsed log lines",
    "Log lines without a parser. Good: none. `unsupported`: a line of Postfix that has no parser; please report it. "
    "`foreign`: a line of another program. `malformed`: not a log line.",
    (Metrics(ask.NOT_UNDERSTOOD, "{{result}}", by=("result",), occurred=ask.NOT_UNDERSTOOD_RESULTS),),
    fallbacks=common.none("all lines parsed"),
    colours=LINE_RESULTS,
    bars=True,
    decimals=0,
)
_UNREAD: Final = Panel(
    Kind.SERIES,
    "Log position and backlog",
    "Position in the current log file, and the bytes after it that are not read. Good: `unread` is 0. The position "
    "returns to 0 when the file is rotated.",
    (Metrics(ask.POSITION, "position"), Metrics(ask.UNREAD, "unread")),
    colours={"position": "blue", "unread": AMBER},
    unit=Unit.BYTES,
)
_MAILS: Final = Panel(
    Kind.SERIES,
    "Tracked mails",
    "Good: `tracked` is about the number of mails in the queue, `evicted` is 0. Evicted mails exceeded the maximum "
    "number of tracked mails; their outcome is not logged.",
    (Metrics(ask.OPEN_MAILS, "tracked"), Metrics(ask.EVICTED, "evicted")),
    colours={"tracked": "blue", "evicted": "red"},
    decimals=0,
)
_LEDGER: Final = Panel(
    Kind.SERIES,
    "Pending ledger writes",
    "Rows that wait to be written to the ledger. Good: 0. If the number rises, the volume is full or read-only, or "
    "the database is down. At the maximum the exporter stops reading the log until the ledger is back; nothing is "
    "lost.",
    (Metrics(ask.PENDING_ROWS),),
    decimals=0,
)
_SPANS: Final = Panel(
    Kind.SERIES,
    "Exported and dropped spans",
    "Spans of the API and of the mail server. Good: both follow the number of mails, and `dropped` is 0.",
    (
        Metrics(ask.API_SPANS, "API"),
        Metrics(ask.EXPORTER_SPANS, "mail server"),
        Metrics(ask.SPANS_DROPPED, "dropped"),
    ),
    origin=Origin.PROMETHEUS,
    empty="No data: API and exporter down",
    colours={"API": SERVICES[Service.API], "mail server": SERVICES[Service.SERVER], "dropped": "red"},
    bars=True,
    decimals=0,
)
_SCRAPES: Final = Panel(
    Kind.SERIES,
    "Scrape duration",
    "Time of each scrape. Good: under 0.1 s; the exporter lists the queue at each scrape. Seconds: a queue of "
    "thousands of mails, or a busy machine.",
    (Metrics(ask.SCRAPE_SECONDS, "{{job}}"),),
    origin=Origin.PROMETHEUS,
    colours=SERVICES,
    unit=Unit.SECONDS,
)
_SERIES: Final = Panel(
    Kind.SERIES,
    "Samples per scrape",
    "Number of series of each service. Good: flat; labels have fixed values, so mail cannot create new series.",
    (Metrics(ask.SCRAPE_SERIES, "{{job}}"),),
    origin=Origin.PROMETHEUS,
    colours=SERVICES,
    decimals=0,
)
_MEMORY: Final = Panel(
    Kind.SERIES,
    "Memory",
    "Resident memory. Good: flat, far below the container limit of 256 MB. If it rises for days, restart the service "
    "and report it.",
    (Metrics(ask.MEMORY, "{{job}}"),),
    origin=Origin.PROMETHEUS,
    colours=SERVICES,
    unit=Unit.BYTES,
)
_CPU: Final = Panel(
    Kind.SERIES,
    "CPU usage",
    "Share of one core. Good: a few per cent. The exporter uses a whole core while it reads a backlog.",
    (Metrics(ask.CPU, "{{job}}"),),
    origin=Origin.PROMETHEUS,
    colours=SERVICES,
    unit=Unit.SHARE,
)
_API_STARTED: Final = Panel(
    Kind.STAT,
    "API started",
    "Start time of the mail API. Good: your last restart. If it is later, it crashed; `docker logs` shows why.",
    (Metrics(ask.STARTED_AT[Service.API]),),
    unit=Unit.AGE,
    origin=Origin.API,
)
_EXPORTER_STARTED: Final = Panel(
    Kind.STAT,
    "Exporter started",
    "Start time of the exporter. Good: your last restart. If it is later, it crashed; `docker logs` shows why.",
    (Metrics(ask.STARTED_AT[Service.EXPORTER]),),
    unit=Unit.AGE,
)
_FAILURES: Final = Panel(
    Kind.SERIES,
    "Failed attempts in the log",
    "Failed delivery attempts by cause, counted from the log lines in Loki. Good: none. The numbers match the mail "
    "server dashboard if Loki receives every line.",
    (LogMetrics(attempts_by_cause(), f"{{{{{known(Attribute.CAUSE)}}}}}"),),
    origin=Origin.LOKI,
    empty="No failed attempt was logged in this time range",
    colours=CAUSES,
    bars=True,
    decimals=0,
)
_WARNINGS: Final = lines(
    Service.EXPORTER, where={"level": "warning|error|critical", "message": f"!{LogLine.ATTEMPT}|{LogLine.FINISH}"}
)
_LOG: Final = Panel(
    Kind.TABLE,
    "Exporter warnings",
    "Warnings and errors of the exporter in this time range, without failed delivery attempts. Good: none. Each "
    "problem is logged once when it begins and once when it ends.",
    (
        LogMetrics(count(_WARNINGS, "level", "message"), now=True),
        LogMetrics(latest(_WARNINGS, "level", "message"), now=True),
    ),
    unit=Unit.TEXT,
    origin=Origin.LOKI,
    empty="The exporter logged no warning in this time range",
    sort="-Value #B",
    columns=(
        Column("Value #B", "Latest", width=115, unit=Unit.AGE),
        Column("Value #A", "Count", width=60, unit=Unit.NUMBER),
        Column("level", "Level", width=90),
        Column("message", "Event", wrap=True),
    ),
)

PAGE: Final = Page(
    Board.TELEMETRY,
    "Mail telemetry health",
    "Health of the data behind the other dashboards: mail log, ledger, spans, scrapes.",
    (
        Shelf(4, ((8, common.EXPORTER_STATE), (8, _EXPORTER_STARTED), (8, _API_STARTED))),
        Shelf(4, ((6, _LAG), (6, _LAST_LINE), (6, _GAPS), (6, _DROPPED))),
        Shelf(7, ((14, _PARTS), (10, _UP))),
        Heading("Mail log"),
        Shelf(7, ((8, _LINES), (8, _NOT_UNDERSTOOD), (8, _UNREAD))),
        Heading("Mails, ledger, spans"),
        Shelf(7, ((8, _MAILS), (8, _LEDGER), (8, _SPANS))),
        Heading("Resource usage"),
        Shelf(7, ((6, _SCRAPES), (6, _SERIES), (6, _MEMORY), (6, _CPU))),
        Heading("Log lines in Loki"),
        Shelf(8, ((8, _FAILURES), (16, _LOG))),
    ),
)
