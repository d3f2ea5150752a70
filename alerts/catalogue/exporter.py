"""Alerts about the exporter and the data that it reads: mail log, queue, ledger, spans."""

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
    description="Prometheus could not scrape mail-exporter for 2 minutes, so the state of mail delivery is unknown. "
    "Mail is still delivered, and the exporter reads the log later. Alerts that were resolved since then may still "
    "apply.",
    advice=Advice(
        "the container stopped, or it exits at the start because it cannot open the ledger.",
        f"`docker ps -a --filter name=mail-exporter` and {_LOGS}.",
    ),
    board=Board.TELEMETRY,
    reason="2 minutes: an update takes less. A missing target counts as down, because Docker's service discovery "
    "drops containers that stopped.",
)

PART: Final = Alert(
    name="MailExporterPartUnreadable",
    severity=Severity.WARNING,
    expr='max by (part) (mail_exporter_scrape_success{job="mail-exporter",part!~"queue|ledger"}) == 0',
    hold="10m",
    summary="The exporter cannot read {{ $labels.part }}",
    description="The exporter could not read {{ $labels.part }} for 10 minutes. The other metrics are current.",
    advice=Advice(
        "log, volumes: a volume is not mounted or not readable; certificate: port 587 offers no TLS; quota: the "
        "ledger; traces: the collector.",
        f"{_LOGS} shows the reason, logged once when it began.",
    ),
    board=Board.TELEMETRY,
    reason="10 minutes: each scrape is a retry. Queue and ledger have their own alerts.",
    silenced_by=("MailServerDown", "MailExporterLedgerFailing"),
)

NOT_ADVANCING: Final = Alert(
    name="MailLogNotAdvancing",
    severity=Severity.CRITICAL,
    expr=f"""{_AGE} > 10m
and on (job) max by (job) (mail_exporter_log_lag_seconds{{job="mail-exporter"}}) == 0
and on (job) max by (job) (mail_exporter_scrape_success{{job="mail-exporter",part="queue"}}) == 1""",
    summary="No new line in the mail log for {{ $value | humanizeDuration }}",
    description="The mail server runs, but its log has no new line for {{ $value | humanizeDuration }}, although its "
    "health check logs every minute. Deliveries are not counted, and Postfix may block on log writes.",
    advice=Advice(
        "postlogd crashed or hangs, the disk of the log is full, or the exporter reads the wrong file.",
        "compare `docker exec mail-server tail -n 2 /var/log/mail/mail.log` with `docker exec mail-server date`; "
        "`docker restart mail-server` restarts the logging.",
    ),
    board=Board.TELEMETRY,
    reason="10 minutes: the health check of the server logs two lines a minute, with or without mail.",
    silenced_by=("MailServerDown", "MailVolumeFull"),
)

LAG: Final = Alert(
    name="MailLogLag",
    severity=Severity.WARNING,
    expr='max by (job) (mail_exporter_log_lag_seconds{job="mail-exporter"}) > 5m',
    hold="5m",
    summary="The exporter is {{ $value | humanizeDuration }} behind the mail log",
    description="Metrics, traces and quota do not include the last {{ $value | humanizeDuration }}.",
    advice=Advice(
        "the exporter reads a backlog after an outage, or waits for the ledger.",
        f"wait if the lag falls; otherwise {_LOGS}.",
    ),
    board=Board.TELEMETRY,
    reason="A lag of 5 minutes for 5 minutes: the exporter reads a log of 500 mails in a second.",
    silenced_by=("MailServerDown", "MailExporterLedgerFailing"),
)

GAP: Final = Alert(
    name="MailLogGap",
    severity=Severity.WARNING,
    expr='sum by (job) (increase(mail_exporter_log_gaps_total{job="mail-exporter"}[1h])) > 0',
    summary="Lines of the mail log are missing",
    description="Log files that were removed or truncated before the exporter had read them, in an hour: "
    '{{ $value | printf "%.0f" }}. '
    "Deliveries and the used quota may be counted too low.",
    advice=Advice(
        "the exporter was down for longer than rotated files are kept, or the log was truncated.",
        "nothing to repair; raise MAIL_LOG_KEEP if such outages are expected.",
    ),
    board=Board.TELEMETRY,
    reason="One gap: normal operation, with log rotation, has none.",
)

NOT_UNDERSTOOD: Final = Alert(
    name="MailLogLinesNotUnderstood",
    severity=Severity.INFO,
    expr='sum by (result) (increase(postfix_log_lines_total{job="mail-exporter",result=~"unsupported|malformed"}[6h])) '
    "> 0",
    summary="Unparsed log lines: {{ $labels.result }}",
    description="Log lines in 6 hours with the result {{ $labels.result }}: "
    '{{ $value | printf "%.0f" }}. Their content is not counted.',
    advice=Advice(
        "a new version of Postfix, or another program that writes to the mail log.",
        "`docker logs mail-exporter` shows one line of each kind; please report them, so that a parser is added.",
    ),
    board=Board.TELEMETRY,
    reason="One line: all lines of Postfix 3.7 to 3.11 have a parser.",
)

LEDGER: Final = Alert(
    name="MailExporterLedgerFailing",
    severity=Severity.WARNING,
    expr='max by (job) (mail_exporter_scrape_success{job="mail-exporter",part="ledger"}) == 0',
    hold="5m",
    summary="The exporter cannot write the ledger",
    description="Ledger writes have failed for 5 minutes. Rows that wait: "
    '{{ with query "max(mail_exporter_ledger_pending_rows{job=\\"mail-exporter\\"})" }}'
    '{{ . | first | value | printf "%.0f" }}{{ end }}. At the maximum the exporter stops reading the log '
    "until the ledger is back; nothing is lost.",
    advice=Advice(
        "the volume of the ledger is full or read-only, or the database of LEDGER_URL is down.",
        f"{_LOGS} shows the database error; `docker exec mail-exporter df -h /var/lib/mail-ledger`.",
    ),
    board=Board.TELEMETRY,
    reason="5 minutes: a write is retried every 5 seconds, and a restart of PostgreSQL takes less.",
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
    summary="{{ $labels.job }} drops spans",
    description='Spans that {{ $labels.job }} dropped in 15 minutes: {{ $value | printf "%.0f" }}. Traces are '
    "incomplete; mail and metrics are not affected.",
    advice=Advice(
        "the collector of OTEL_EXPORTER_OTLP_ENDPOINT is down or too slow, or the address is wrong.",
        "`docker logs --since 30m {{ $labels.job }}`; leave the variable empty if there is no collector.",
    ),
    board=Board.TELEMETRY,
    reason="15 minutes: a restart of the collector takes less.",
)

GROUP: Final = Group(
    Component.EXPORTER,
    "Missing or outdated telemetry",
    (DOWN, PART, NOT_ADVANCING, LAG, GAP, NOT_UNDERSTOOD, LEDGER, DROPPED),
)
