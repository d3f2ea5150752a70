"""What makes us blind: the exporter is gone, or one of the things it reads."""

from typing import Final

from alerts.model import Advice, Alert, Component, Group, Severity
from dashboards.boards import Board

_LOGS: Final = "`docker logs --tail 20 mail-exporter`"
_AGE: Final = 'time() - max by (job) (mail_exporter_log_last_line_timestamp_seconds{job="mail-exporter"})'

DOWN: Final = Alert(
    name="MailExporterDown",
    severity=Severity.CRITICAL,
    expr='(max by (job) (up{job="mail-exporter"}) or absent(up{job="mail-exporter"}) - 1) == 0',
    hold="2m",
    summary="The mail exporter does not answer",
    description="Prometheus has not reached mail-exporter for 2 minutes: nobody knows whether mail leaves. Mail itself "
    "goes on, and its log is read later; alerts about it that ended just now have not ended for sure.",
    advice=Advice(
        "the container stopped, or the ledger cannot be opened and it ends at its start.",
        f"`docker ps -a --filter name=mail-exporter` and {_LOGS}.",
    ),
    board=Board.TELEMETRY,
    reason="Two minutes: a new version is up in less. Absent counts as down, for Docker's discovery forgets "
    "containers that stopped.",
)

PART: Final = Alert(
    name="MailExporterPartUnreadable",
    severity=Severity.WARNING,
    expr='max by (part) (mail_exporter_scrape_success{job="mail-exporter",part!~"queue|ledger"}) == 0',
    hold="10m",
    summary="The exporter cannot read a part: {{ $labels.part }}",
    description="For 10 minutes the exporter has not been able to read {{ $labels.part }}; the other parts report.",
    advice=Advice(
        "log, volumes: a volume is not mounted or not readable; certificate: port 587 offers no TLS; quota: the "
        "ledger; traces: the collector.",
        f"{_LOGS} has the reason, once, since when.",
    ),
    board=Board.TELEMETRY,
    reason="Ten minutes: the parts are retried at every scrape. Queue and ledger have alerts of their own.",
    silenced_by=("MailServerDown", "MailExporterLedgerFailing"),
)

NOT_ADVANCING: Final = Alert(
    name="MailLogNotAdvancing",
    severity=Severity.CRITICAL,
    expr=f"""{_AGE} > 10m
and on (job) max by (job) (mail_exporter_log_lag_seconds{{job="mail-exporter"}}) == 0
and on (job) max by (job) (mail_exporter_scrape_success{{job="mail-exporter",part="queue"}}) == 1""",
    summary="The mail log has stood still for {{ $value | humanizeDuration }}",
    description="The mail server runs, and its log has no new line for {{ $value | humanizeDuration }}, though its "
    "health check alone writes some every minute: deliveries are not seen, and Postfix may hang on writing.",
    advice=Advice(
        "postlogd died or hangs, the log's disk is full, or the exporter reads another file than Postfix writes.",
        "`docker exec mail-server tail -n 2 /var/log/mail/mail.log` against `docker exec mail-server date`; "
        "`docker restart mail-server` starts the logging anew.",
    ),
    board=Board.TELEMETRY,
    reason="Ten minutes: the server's own health check writes two lines a minute, whether mail comes or not.",
    silenced_by=("MailServerDown", "MailVolumeFull"),
)

LAG: Final = Alert(
    name="MailLogLag",
    severity=Severity.WARNING,
    expr='max by (job) (mail_exporter_log_lag_seconds{job="mail-exporter"}) > 5m',
    hold="5m",
    summary="The exporter is {{ $value | humanizeDuration }} behind the mail log",
    description="What happened in the last {{ $value | humanizeDuration }} is not in the metrics, traces and quota "
    "yet.",
    advice=Advice(
        "it reads a backlog after an outage, or waits for the ledger.",
        f"wait, if it gets less; else {_LOGS}.",
    ),
    board=Board.TELEMETRY,
    reason="Five minutes for five minutes: a day's log of 500 mails is read in a second.",
    silenced_by=("MailServerDown", "MailExporterLedgerFailing"),
)

GAP: Final = Alert(
    name="MailLogGap",
    severity=Severity.WARNING,
    expr='sum by (job) (increase(mail_exporter_log_gaps_total{job="mail-exporter"}[1h])) > 0',
    summary="Lines of the mail log are missing",
    description="Files that were gone or cut short when reading was to go on in them, in an hour: "
    '{{ $value | printf "%.0f" }}. '
    "Some deliveries may not be counted, the quota's count may be too low.",
    advice=Advice(
        "the exporter was down for longer than rotated files are kept, or somebody emptied the log.",
        "nothing to repair; raise MAIL_LOG_KEEP if outages last that long.",
    ),
    board=Board.TELEMETRY,
    reason="One is enough: in ordinary running, rotations included, there is none.",
)

NOT_UNDERSTOOD: Final = Alert(
    name="MailLogLinesNotUnderstood",
    severity=Severity.INFO,
    expr='sum by (result) (increase(postfix_log_lines_total{job="mail-exporter",result=~"unsupported|malformed"}[6h])) '
    "> 0",
    summary="Log lines that the exporter does not understand: {{ $labels.result }}",
    description="Lines in 6 hours that were {{ $labels.result }}: "
    '{{ $value | printf "%.0f" }}. What they say is not counted.',
    advice=Advice(
        "a new Postfix, or something else writes into its log.",
        "`docker logs mail-exporter` shows one of each kind; report them so that they get a parser.",
    ),
    board=Board.TELEMETRY,
    reason="One is enough for a note: all lines of Postfix 3.7 to 3.11 are understood.",
)

LEDGER: Final = Alert(
    name="MailExporterLedgerFailing",
    severity=Severity.WARNING,
    expr='max by (job) (mail_exporter_scrape_success{job="mail-exporter",part="ledger"}) == 0',
    hold="5m",
    summary="The exporter cannot write the ledger",
    description="For 5 minutes; "
    '{{ with query "max(mail_exporter_ledger_pending_rows{job=\\"mail-exporter\\"})" }}'
    '{{ . | first | value | printf "%.0f" }}{{ end }} facts wait. Above its bound the log is read no further, '
    "until the ledger takes them; nothing is lost.",
    advice=Advice(
        "its volume is full or read-only, or the database of LEDGER_URL is away.",
        f"{_LOGS} has the database's words; `docker exec mail-exporter df -h /var/lib/mail-ledger`.",
    ),
    board=Board.TELEMETRY,
    reason="Five minutes: it is retried every five seconds, and a restart of PostgreSQL is over by then.",
    silenced_by=("MailVolumeFull",),
)

DROPPED: Final = Alert(
    name="MailTelemetryDropped",
    severity=Severity.INFO,
    expr="""(
  sum by (job) (increase(mail_exporter_spans_dropped_total{job="mail-exporter"}[15m]))
  or sum by (job) (increase(mail_api_spans_dropped_total{job="mail-api"}[15m]))
) > 0""",
    hold="15m",
    summary="Spans of {{ $labels.job }} go nowhere",
    description='Spans of {{ $labels.job }} that were dropped in 15 minutes: {{ $value | printf "%.0f" }}. Traces have '
    "holes; mail and metrics are not touched.",
    advice=Advice(
        "the collector of OTEL_EXPORTER_OTLP_ENDPOINT is away or too slow, or the address is wrong.",
        "`docker logs --since 30m {{ $labels.job }}`; empty the variable if there is no collector.",
    ),
    board=Board.TELEMETRY,
    reason="A quarter of an hour: a collector that restarts is no message.",
)

GROUP: Final = Group(
    Component.EXPORTER,
    "What makes us blind",
    (DOWN, PART, NOT_ADVANCING, LAG, GAP, NOT_UNDERSTOOD, LEDGER, DROPPED),
)
