"""Every PromQL expression of the dashboards that is not recorded (`recording_rules`), once, by its name.

They are written as in the rules; `promql.scoped` adds the variables of a dashboard.
"""

from typing import Final

from alerts.model import Severity
from dashboards.promql import (
    RANGE,
    STEP,
    grown,
    highest,
    labelled,
    last_seen,
    mean,
    occurred,
    per_second,
    quantile,
    raw,
    selector,
    summed,
)
from dashboards.recording_rules import EXPLANATION, recorded
from dashboards.thresholds import compared
from mail_api.error_codes import RESULTS, Code
from mail_telemetry.metrics import api, exporter
from mail_telemetry.names import Service

# --- conditions: what a panel may say when its query returns nothing
UP_API: Final = highest(raw("up", Service.API))
UP_EXPORTER: Final = highest(raw("up", Service.EXPORTER))
API_ANSWERS: Final = f"{UP_API} == 1"
EXPORTER_ANSWERS: Final = f"{UP_EXPORTER} == 1"


def part_is_read(part: str) -> str:
    """Return a condition: the exporter can read this part."""
    return f"{highest(raw(exporter.SCRAPE_SUCCESS.exposed, Service.EXPORTER, part=part))} == 1"


# --- alerts and restarts
FIRING: Final = 'ALERTS{service="mail",alertstate="firing",severity!="none"}'
RULES_LOADED: Final = 'max(ALERTS{service="mail",alertstate="firing"})'
"""The dead man's switch always fires, so that there is a value unless the rules are not loaded."""
FIRING_NUMBER: Final = f"(count({FIRING}) or vector(0)) and on () {RULES_LOADED}"
AFFECTED: Final = ("entry", "disk", "cause", "queue", "part", "result", "operation", "key")
"""Labels of alerts that name what is affected."""


def _firing_table() -> str:
    """Return the alerts that fire, since when (ms), with what they are about as `affects`."""
    since = 'ALERTS_FOR_STATE{service="mail",severity!="none"}'
    firing = f"{since} * 1000 and ignoring (alertstate) {FIRING}"
    labels = ", ".join(f'"{label}"' for label in AFFECTED)
    expression = f'label_join({firing}, "affects", " ", {labels})'
    for rank, severity in enumerate((Severity.CRITICAL, Severity.WARNING, Severity.INFO)):
        expression = f'label_replace({expression}, "rank", "{rank}", "severity", "{severity}")'
    return expression


FIRING_TABLE: Final = _firing_table()
STARTED: Final = selector(exporter.SERVER_TURNS, turn="started")


def alerts_begun(severity: Severity) -> str:
    """Return the alerts of a severity that began to fire since the step before, with their labels as `about`.

    The range finds an alert that was shorter than a step; the instant before it leaves out those that last.
    """
    firing = f'ALERTS{{service="mail",alertstate="firing",severity="{severity}"}}'
    begun = f"max_over_time({firing}[{STEP}]) unless {firing} offset {STEP}"
    labels = ", ".join(f'"{label}"' for label in ("severity", *AFFECTED))
    return f'label_join({begun}, "about", " ", {labels})'


def process_started(job: Service) -> str:
    """Return the process of a job where it started since the step before; the first scrape may be 5 minutes late."""
    start = raw("process_start_time_seconds", job)
    return f"(time() - {start} < {STEP} + 5m unless {start} == {start} offset {STEP})"


RESTARTS: Final = (
    f"{process_started(Service.API)}\n"
    f"or {process_started(Service.EXPORTER)}\n"
    f"or label_replace(({STARTED} > {STARTED} offset {STEP} or increase({STARTED}[{STEP}]) > 0), "
    f'"job", "{Service.SERVER}", "", "")'
)
STATE_API: Final = compared("MailApiDown")
STATE_SERVER: Final = compared("MailServerDown")
STATE_EXPORTER: Final = compared("MailExporterDown")

# --- the queue
WAITING: Final = summed(recorded("job:postfix_queue_messages:sum"))
QUEUES: Final = recorded("queue:postfix_queue_messages:sum")
QUEUES_USED: Final = occurred(exporter.QUEUE_MESSAGES, "queue")
QUEUE_BYTES: Final = summed(selector(exporter.QUEUE_BYTES), "queue")
QUEUE_MINUTES: Final = f"{highest(selector(exporter.QUEUE_OLDEST_AGE_SECONDS), 'queue')} / 60"
DEFERRED: Final = recorded("cause:postfix_queue_deferred_messages:sum")
DEFERRED_CAUSES: Final = occurred(exporter.DEFERRED_MESSAGES, "cause")
DEFERRED_AGES: Final = recorded("cause:postfix_queue_deferred_oldest_message_age_seconds:max")
DEFERRED_HOURS: Final = f"{DEFERRED_AGES} / 3600"
OLDEST: Final = highest(DEFERRED_AGES)

# --- outcomes of mails
ON_TIME: Final = f"1 - {summed(recorded('job:postfix_deliveries_missed:ratio7d'))}"
RECEIVED: Final = grown(exporter.MESSAGES_RECEIVED, STEP, "entry")
RECEIVED_ENTRIES: Final = occurred(exporter.MESSAGES_RECEIVED, "entry")
FINISHED: Final = grown(exporter.RECIPIENTS_FINISHED, STEP, "outcome")
FINISHED_OUTCOMES: Final = occurred(exporter.RECIPIENTS_FINISHED, "outcome")
FORWARDED: Final = grown(exporter.RECIPIENTS_FINISHED, STEP, "outcome", forwarded="yes")
FORWARDED_OUTCOMES: Final = occurred(exporter.RECIPIENTS_FINISHED, "outcome", forwarded="yes")
DELIVERIES_SEEN: Final = occurred(exporter.DELIVERY_SECONDS, part="_count", outcome="sent")
DELIVERY_TIMES: Final = grown(exporter.DELIVERY_SECONDS, STEP, "le", part="_bucket", outcome="sent")
NOTICES: Final = grown(exporter.NOTICES, STEP, "kind")
NOTICE_KINDS: Final = occurred(exporter.NOTICES, "kind")
SIZES_SEEN: Final = occurred(exporter.MESSAGE_SIZE_BYTES, part="_count")
SIZES: Final = grown(exporter.MESSAGE_SIZE_BYTES, STEP, "le", part="_bucket")

# --- attempts
ATTEMPTS: Final = grown(exporter.DELIVERY_ATTEMPTS, STEP, "status", "relay")
ATTEMPT_KINDS: Final = occurred(exporter.DELIVERY_ATTEMPTS, "status", "relay")
FAILURES: Final = grown(exporter.RELAY_FAILURES, STEP, "cause")
FAILURE_CAUSES: Final = occurred(exporter.RELAY_FAILURES, "cause")
SUSPENDED: Final = grown(exporter.DELIVERIES_SUSPENDED, STEP, "cause")
SUSPENDED_CAUSES: Final = occurred(exporter.DELIVERIES_SUSPENDED, "cause")
_FAILED: Final = f"round({grown(exporter.RELAY_FAILURES, RANGE, 'cause')})"
_FAILED_OR_WAITING: Final = f"({_FAILED} > 0 or {DEFERRED} > 0)"


def explained(expression: str) -> str:
    """Return the same, by cause, with the cause's meaning and next step as labels where the rules are loaded."""
    joined = f"{expression} * on (cause) group_left (meaning, next_step) {EXPLANATION}"
    return f"{joined}\nor on (cause) {expression}"


CAUSE_ATTEMPTS: Final = explained(f"({_FAILED} and on (cause) {_FAILED_OR_WAITING})")
CAUSE_WAITING: Final = f"{DEFERRED} and on (cause) {_FAILED_OR_WAITING}"
CAUSE_LAST_SEEN: Final = f"{last_seen(exporter.RELAY_FAILURES, 'cause')} * 1000 and on (cause) {_FAILED_OR_WAITING}"
STAGE_MEANS: Final = mean(exporter.DELIVERY_STAGE_SECONDS, STEP, "stage")
STAGES_SEEN: Final = occurred(exporter.DELIVERY_STAGE_SECONDS, "stage", part="_count")
STAGE_SLOWEST: Final = f"{quantile(0.95, exporter.DELIVERY_STAGE_SECONDS, RANGE, 'stage')} >= 0"

# --- connections and logins
CONNECTIONS: Final = grown(exporter.SMTPD_CONNECTIONS, STEP, "entry")
CONNECTION_ENTRIES: Final = occurred(exporter.SMTPD_CONNECTIONS, "entry")
REJECTS: Final = grown(exporter.SMTPD_REJECTS, STEP, "reason")
REJECT_REASONS: Final = occurred(exporter.SMTPD_REJECTS, "reason")
REJECTED: Final = f"round({grown(exporter.SMTPD_REJECTS, RANGE, 'entry', 'reason')}) > 0"
ABORTED: Final = grown(exporter.SMTPD_ABORTS, STEP, "how")
ABORTED_HOW: Final = occurred(exporter.SMTPD_ABORTS, "how")
LOGINS_FAILED: Final = grown(exporter.SMTPD_AUTH_FAILURES, STEP, "entry")
LOGIN_ENTRIES: Final = occurred(exporter.SMTPD_AUTH_FAILURES, "entry")
SCREENED: Final = grown(exporter.POSTSCREEN_VERDICTS, STEP, "verdict")
SCREENED_VERDICTS: Final = occurred(exporter.POSTSCREEN_VERDICTS, "verdict")
TLS_SESSIONS: Final = grown(exporter.TLS_SESSIONS, STEP, "direction", "protocol", "trust")
TLS_KINDS: Final = occurred(exporter.TLS_SESSIONS, "direction", "protocol", "trust")
GUESSES: Final = highest(compared("MailAuthBruteForce"))
RELAY_ATTEMPTS: Final = highest(compared("MailRelayAbuseAttempts"))

# --- disk space and state of the server
VOLUMES: Final = recorded("disk:mail_volume_free:ratio")
ROOM: Final = f"min({VOLUMES})"
CERTIFICATE: Final = compared("MailCertificateExpiring")
COMPLAINTS: Final = grown(exporter.COMPLAINTS, STEP, "severity")
COMPLAINT_SEVERITIES: Final = occurred(exporter.COMPLAINTS, "severity")
STARTS: Final = grown(exporter.SERVER_TURNS, RANGE, turn="started")

# --- the API
ASKED: Final = grown(api.MESSAGES, STEP, "result")
ASKED_RESULTS: Final = occurred(api.MESSAGES, "result")
ASKED_IN_ALL: Final = grown(api.MESSAGES, RANGE)
ACCEPTED: Final = grown(api.MESSAGES, RANGE, result=Code.ACCEPTED)
FAULTS: Final = summed(compared("MailApiFailing"))
REFUSED: Final = (
    "round("
    + grown(api.MESSAGES, RANGE, "result", result="|".join(one for one in RESULTS if one is not Code.ACCEPTED))
    + ") > 0"
)
RETRIES: Final = grown(api.SUBMISSION_RETRIES, RANGE)
LEDGER_FAULTS: Final = grown(api.LEDGER_FAULTS, STEP, "operation")
LEDGER_OPERATIONS: Final = occurred(api.LEDGER_FAULTS, "operation")
POOL: Final = summed(selector(api.CONNECTIONS), "state")
SUBMISSIONS: Final = grown(api.SUBMISSION_SECONDS, STEP, "le", part="_bucket")
SUBMISSION_MEAN: Final = mean(api.SUBMISSION_SECONDS, STEP)
SUBMISSIONS_SEEN: Final = occurred(api.SUBMISSION_SECONDS, part="_count")
SUBMISSION_SLOWEST: Final = f"{quantile(0.95, api.SUBMISSION_SECONDS, RANGE)} >= 0"


def submission_quantile(share: float) -> str:
    """Return the time that this share of the submissions to Postfix did not exceed; nothing without submissions."""
    return f"{quantile(share, api.SUBMISSION_SECONDS, STEP)} >= 0"


def asked_with(*codes: Code) -> str:
    """Return the requests that ended with one of these results."""
    return grown(api.MESSAGES, STEP, "result", result="|".join(codes))


def occurred_with(*codes: Code) -> str:
    """Return those of these results that occurred."""
    return occurred(api.MESSAGES, "result", result="|".join(codes))


_HTTP_SECONDS: Final = "http_request_duration_seconds"
HTTP: Final = f"sum by (handler, status) (increase({raw('http_requests_total', Service.API)}[{STEP}])) > 0"
HTTP_KINDS: Final = (
    f"sum by (status, handler) (increase({raw('http_requests_total', Service.API)}[{RANGE}] @ end())) > 0"
)
HTTP_KINDS_SEEN: Final = f"sum({HTTP_KINDS}) > 0"
HTTP_SEEN: Final = f"sum(increase({raw(f'{_HTTP_SECONDS}_count', Service.API, handler='/send')}[{RANGE}] @ end())) > 0"
HTTP_MEAN: Final = (
    f"sum(increase({raw(f'{_HTTP_SECONDS}_sum', Service.API, handler='/send')}[{STEP}]))\n"
    f"/ (sum(increase({raw(f'{_HTTP_SECONDS}_count', Service.API, handler='/send')}[{STEP}])) > 0)"
)
HTTP_BUCKETS: Final = (
    f"sum by (le) (increase({raw('http_request_duration_highr_seconds_bucket', Service.API)}[{STEP}]))"
)

# --- the relay account's quota; exporters that share a ledger have the same values, hence max
LIMIT: Final = highest(selector(exporter.QUOTA_LIMIT))
RESERVE: Final = highest(selector(exporter.QUOTA_RESERVE))
LIMIT_FOR_WEBSITES: Final = f"{LIMIT} - {RESERVE} < {LIMIT}"
"""Nothing without a reserve: it is the limit then."""
USED: Final = highest(selector(exporter.QUOTA_USED))
USED_SHARE: Final = f"{USED}\n/ {LIMIT}"
LEFT: Final = highest(selector(exporter.QUOTA_ROOM))
ON_THE_WAY: Final = highest(selector(exporter.QUOTA_IN_QUEUE))
USED_BY: Final = highest(selector(exporter.QUOTA_ENTRY_USED), "entry", "forwarded")
USED_ENTRIES: Final = occurred(exporter.QUOTA_ENTRY_USED, "entry", "forwarded")
RUNS_OUT: Final = compared("MailQuotaWillRunOut")
RUNS_OUT_HOURS: Final = f"({RUNS_OUT}) / 3600"
QUOTA_STATE: Final = (
    f"({highest(selector(exporter.QUOTA_ROOM))} < bool 1) + {highest(selector(exporter.QUOTA_EXHAUSTED))}"
)
"""0: mail is accepted from all, 1: from important API keys only, 2: the relay accepts nothing."""
REOPENS: Final = f"max({selector(exporter.QUOTA_REOPENS)}) * 1000"
"""Grafana's dates are in milliseconds. 0: there is room."""
WAITING_FOR_QUOTA: Final = f"{summed(selector(exporter.DEFERRED_MESSAGES, cause='quota'))}"
TAKEN: Final = grown(exporter.DELIVERY_ATTEMPTS, "1h", "relay", status="sent")
TAKEN_RELAYS: Final = occurred(exporter.DELIVERY_ATTEMPTS, "relay", status="sent")

# --- telemetry about itself
PARTS: Final = (
    f"min by (part) ({selector(exporter.SCRAPE_SUCCESS)})\nor on () {labelled('vector(-1)', part='exporter')}"
)
LAG: Final = highest(selector(exporter.LOG_LAG_SECONDS))
LAST_LINE: Final = f"time() - {highest(selector(exporter.LOG_LAST_LINE_TIMESTAMP_SECONDS))}"
UNREAD: Final = highest(selector(exporter.LOG_UNREAD_BYTES))
POSITION: Final = highest(selector(exporter.LOG_POSITION_BYTES))
GAPS: Final = grown(exporter.LOG_GAPS, RANGE)
LINES: Final = per_second(exporter.LOG_LINES, "result")
LINE_RESULTS: Final = occurred(exporter.LOG_LINES, "result")
NOT_UNDERSTOOD: Final = grown(exporter.LOG_LINES, STEP, "result", result="unsupported|malformed|foreign")
NOT_UNDERSTOOD_RESULTS: Final = occurred(exporter.LOG_LINES, "result", result="unsupported|malformed|foreign")
OPEN_MAILS: Final = summed(selector(exporter.OPEN_MAILS))
EVICTED: Final = grown(exporter.EVICTED_MAILS, STEP)
PENDING_ROWS: Final = summed(selector(exporter.LEDGER_PENDING_ROWS))
EXPORTER_SPANS: Final = grown(exporter.SPANS, STEP)
API_SPANS: Final = grown(api.SPANS, STEP)
_DROPPED: Final = (selector(exporter.SPANS_DROPPED), selector(api.SPANS_DROPPED))
SPANS_DROPPED: Final = summed(" or ".join(f"increase({one}[{STEP}])" for one in _DROPPED))
SPANS_DROPPED_IN_ALL: Final = summed(" or ".join(f"increase({one}[{RANGE}])" for one in _DROPPED))
_EACH: Final = (Service.API, Service.EXPORTER)
UP: Final = "\nor ".join(
    f"(max by (job) ({raw('up', job)}) or on () {labelled('vector(-1)', job=job.value)})" for job in _EACH
)
SCRAPE_SECONDS: Final = "\nor ".join(raw("scrape_duration_seconds", job) for job in _EACH)
SCRAPE_SERIES: Final = "\nor ".join(raw("scrape_samples_scraped", job) for job in _EACH)
MEMORY: Final = "\nor ".join(raw("process_resident_memory_bytes", job) for job in _EACH)
CPU: Final = "\nor ".join(f"rate({raw('process_cpu_seconds_total', job)}[$__rate_interval])" for job in _EACH)
STARTED_AT: Final = {job: f"max({raw('process_start_time_seconds', job)}) * 1000" for job in _EACH}
