"""Telemetry health: may what the other dashboards show be believed?"""

from typing import Final

from dashboards import expressions as ask
from dashboards import shared
from dashboards.boards import Board
from dashboards.logql import lines
from dashboards.model import Column, Heading, Kind, Lines, Metrics, Page, Panel, Shelf, Unit
from dashboards.thresholds import above, limit
from dashboards.ways import WHEN
from mail_telemetry.names import LogLine, Service

_LAG: Final = Panel(
    Kind.STAT,
    "Behind the log",
    "How far the exporter's reading is behind. Good: 0 s. Minutes: it catches up after an outage, or waits for the "
    "ledger (the facts that wait, below).",
    (Metrics(ask.LAG),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
    steps=above(limit("MailLogLag")),
    decimals=0,
)
_LAST_LINE: Final = Panel(
    Kind.STAT,
    "Newest line",
    "Age of the newest log line. Good: under a minute, for the server's health check writes some every minute. Ten "
    "minutes: Postfix or its logging hangs; `docker restart mail-server`.",
    (Metrics(ask.LAST_LINE),),
    unit=Unit.SECONDS,
    idle="No data from the exporter",
    steps=above(limit("MailLogNotAdvancing")),
    decimals=0,
)
_GAPS: Final = Panel(
    Kind.STAT,
    "Gaps in the log",
    "How often lines may be missing. Good: 0; deliveries and quota may be counted too low otherwise. Raise "
    "MAIL_LOG_KEEP if the exporter is away for long.",
    (Metrics(ask.GAPS),),
    idle="No data from the exporter",
    steps=above(limit("MailLogGap")),
    decimals=0,
)
_DROPPED: Final = Panel(
    Kind.STAT,
    "Spans dropped",
    "Spans that went nowhere in this time. Good: 0. Otherwise the collector of OTEL_EXPORTER_OTLP_ENDPOINT is away or "
    "too slow; mail and metrics are not touched.",
    (Metrics(ask.SPANS_DROPPED_IN_ALL),),
    idle="No data from the exporter",
    steps=above(limit("MailTelemetryDropped")),
    decimals=0,
)
_PARTS: Final = Panel(
    Kind.SERIES,
    "Can each part be read?",
    "1: yes, 0: no; the other parts still report. Good: all 1. `queue`: the mail server is down; `log`, `volumes`: a "
    "volume is not mounted; `certificate`: port 587 offers no TLS; `quota`, `ledger`: the database; `traces`: the "
    "collector. `docker logs mail-exporter` has the reason.",
    (Metrics(ask.PARTS, "{{part}}"),),
    unit=Unit.STATE,
    idle="No data from the exporter",
    decimals=0,
    least=0,
    most=1,
)
_UP: Final = Panel(
    Kind.SERIES,
    "Does Prometheus reach them?",
    "1: the scrape worked, 0: not. Good: both 1. No line at all: Prometheus does not know the target; see the labels "
    "`prometheus.*` of the containers.",
    (Metrics(ask.UP, "{{job}}"),),
    unit=Unit.STATE,
    idle="Prometheus knows neither mail-api nor mail-exporter",
    decimals=0,
    least=0,
    most=1,
)
_LINES: Final = Panel(
    Kind.SERIES,
    "Log lines read",
    "Good: some all the time, all `parsed`.",
    (Metrics(ask.LINES, "{{result}}"),),
    unit=Unit.PER_SECOND,
    idle="No data from the exporter",
)
_NOT_UNDERSTOOD: Final = Panel(
    Kind.SERIES,
    "Lines not understood",
    "Counted, never dropped in silence. Good: none. `unsupported` is a line of Postfix's that has no parser yet: "
    "report it; `foreign` is another program's, `malformed` no log line at all.",
    (Metrics(ask.NOT_UNDERSTOOD, "{{result}}"),),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_UNREAD: Final = Panel(
    Kind.SERIES,
    "Bytes read, and not yet read",
    "The position in the current log file, and what lies behind it. Good: `unread` is 0. The position falls to 0 when "
    "the file is rotated.",
    (Metrics(ask.POSITION, "position"), Metrics(ask.UNREAD, "unread")),
    unit=Unit.BYTES,
    idle="No data from the exporter",
)
_MAILS: Final = Panel(
    Kind.SERIES,
    "Mails followed, and forgotten",
    "Good: `followed` is about the number in the queue, `forgotten` 0. Forgotten are mails of which there were too "
    "many at once; their end is not told.",
    (Metrics(ask.OPEN_MAILS, "followed"), Metrics(ask.EVICTED, "forgotten")),
    idle="No data from the exporter",
    decimals=0,
)
_LEDGER: Final = Panel(
    Kind.SERIES,
    "Facts that wait for the ledger",
    "Good: 0. A growing number: its volume is full or read-only, or its database away; above the bound the log is read "
    "no further until it is back, and nothing is lost.",
    (Metrics(ask.PENDING_ROWS),),
    idle="No data from the exporter",
    decimals=0,
)
_SPANS: Final = Panel(
    Kind.SERIES,
    "Spans made, and dropped",
    "The API's and the mail server's parts of traces. Good: both follow the mails, and `dropped` is 0.",
    (
        Metrics(ask.API_SPANS, "of requests"),
        Metrics(ask.SPANS, "of the mail server"),
        Metrics(ask.SPANS_DROPPED, "dropped"),
    ),
    idle="No data from the exporter",
    bars=True,
    decimals=0,
)
_SCRAPES: Final = Panel(
    Kind.SERIES,
    "What a scrape costs",
    "Time of each scrape. Good: under a tenth of a second; the exporter lists the queue at each one. Seconds: a queue "
    "of thousands, or a busy machine.",
    (Metrics(ask.SCRAPE_SECONDS, "{{job}}"),),
    unit=Unit.SECONDS,
    idle="Prometheus scrapes neither",
)
_SERIES: Final = Panel(
    Kind.SERIES,
    "Samples per scrape",
    "How many series each service has. Good: flat; labels are closed lists, so mail can't make new ones.",
    (Metrics(ask.SCRAPE_SERIES, "{{job}}"),),
    idle="Prometheus scrapes neither",
    decimals=0,
)
_MEMORY: Final = Panel(
    Kind.SERIES,
    "Memory",
    "Good: flat, far below the containers' limit of 256 MB. Rising for days: restart it, and report it.",
    (Metrics(ask.MEMORY, "{{job}}"),),
    unit=Unit.BYTES,
    idle="Prometheus scrapes neither",
)
_CPU: Final = Panel(
    Kind.SERIES,
    "Processor time",
    "Share of one core. Good: a few per cent. The exporter takes a whole one while it reads a backlog.",
    (Metrics(ask.CPU, "{{job}}"),),
    unit=Unit.SHARE,
    idle="Prometheus scrapes neither",
)
_STARTED: Final = Panel(
    Kind.STAT,
    "Running since",
    "When each service was started. Good: since you last did. More lately: it crashed; `docker logs` says why.",
    (Metrics(ask.STARTED_AT, "{{job}}"),),
    unit=Unit.MOMENT,
    idle="Prometheus scrapes neither",
    named=True,
)
_LOG: Final = Panel(
    Kind.TABLE,
    "What the exporter complains about",
    "Warnings and errors that are no failed attempts. Good: none. It says each thing once, and once when it is over.",
    (
        Lines(
            lines(
                Service.EXPORTER,
                where={"level": "warning|error|critical", "message": f"!{LogLine.ATTEMPT}|{LogLine.FINISH}"},
            )
        ),
    ),
    unit=Unit.TEXT,
    idle="The exporter complained about nothing in this time",
    columns=(WHEN, Column("level", "Level", width=90), Column("message", "What", wrap=True)),
)

PAGE: Final = Page(
    Board.TELEMETRY,
    "Mail telemetry health",
    "Whether what the other dashboards show may be believed: log, ledger, spans, scrapes.",
    (
        Shelf(4, ((4, shared.EXPORTER_STATE), (4, _LAG), (4, _LAST_LINE), (4, _GAPS), (4, _DROPPED), (4, _STARTED))),
        Shelf(7, ((16, _PARTS), (8, _UP))),
        Heading("The log"),
        Shelf(7, ((8, _LINES), (8, _NOT_UNDERSTOOD), (8, _UNREAD))),
        Heading("Mails, ledger, spans"),
        Shelf(7, ((8, _MAILS), (8, _LEDGER), (8, _SPANS))),
        Heading("Cost"),
        Shelf(7, ((6, _SCRAPES), (6, _SERIES), (6, _MEMORY), (6, _CPU))),
        Shelf(8, ((24, _LOG),)),
    ),
)
