"""What dashboards ask besides what is recorded (`queries`): every expression once, by its name.

They are written like the rules; `promql.scoped` puts a dashboard's variables in.
"""

from typing import Final

from alerts.model import Severity
from dashboards.promql import (
    RANGE,
    STEP,
    copied,
    grown,
    highest,
    mean,
    per_second,
    quantile,
    raw,
    selector,
    summed,
)
from dashboards.queries import recorded
from dashboards.thresholds import compared
from mail_api.errors import RESULTS, Code
from mail_telemetry import names
from mail_telemetry.names import Service

# --- alerts and restarts
FIRING: Final = 'ALERTS{service="mail",alertstate="firing",severity!="none"}'
FIRING_NUMBER: Final = f'(count({FIRING}) or vector(0)) and on () ALERTS{{service="mail",alertstate="firing"}}'
"""Nothing where not even the dead man's switch fires: the rules are not loaded, and no alert says little."""
STARTED: Final = selector(names.SERVER_TURNS, turn="started")


def alerts_begun(severity: Severity) -> str:
    """Return the alerts of a severity that began to fire since the step before, with their labels as `about`.

    The range finds an alert that was shorter than a step; the instant before it leaves out those that last.
    """
    firing = f'ALERTS{{service="mail",alertstate="firing",severity="{severity}"}}'
    begun = f"max_over_time({firing}[{STEP}]) unless {firing} offset {STEP}"
    labels = ", ".join(f'"{label}"' for label in ("severity", "cause", "entry", "disk", "part", "result"))
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
UP_API: Final = highest(raw("up", Service.API))
UP_SERVER: Final = compared("MailServerDown")
UP_EXPORTER: Final = highest(raw("up", Service.EXPORTER))

# --- the queue
WAITING: Final = summed(recorded("job:postfix_queue_messages:sum"))
QUEUES: Final = recorded("queue:postfix_queue_messages:sum")
QUEUE_BYTES: Final = summed(selector(names.QUEUE_BYTES), "queue")
QUEUE_AGES: Final = highest(selector(names.QUEUE_OLDEST_AGE_SECONDS), "queue")
DEFERRED: Final = recorded("cause:postfix_queue_deferred_messages:sum")
DEFERRED_AGES: Final = recorded("cause:postfix_queue_deferred_oldest_message_age_seconds:max")
OLDEST: Final = highest(DEFERRED_AGES)

# --- what became of mails
ON_TIME: Final = f"1 - {summed(recorded('job:postfix_deliveries_missed:ratio7d'))}"
RECEIVED: Final = grown(names.MESSAGES_RECEIVED, STEP, "entry")
FINISHED: Final = grown(names.RECIPIENTS_FINISHED, STEP, "outcome")
FORWARDED: Final = grown(names.RECIPIENTS_FINISHED, STEP, "outcome", forwarded="yes")
DELIVERY_TIMES: Final = grown(names.DELIVERY_SECONDS, STEP, "le", part="_bucket", outcome="sent")
NOTICES: Final = grown(names.NOTICES, STEP, "kind")
SIZES: Final = grown(names.MESSAGE_SIZE_BYTES, STEP, "le", part="_bucket")

# --- attempts
ATTEMPTS: Final = grown(names.DELIVERY_ATTEMPTS, STEP, "status", "relay")
FAILURES: Final = grown(names.RELAY_FAILURES, STEP, "cause")
SUSPENDED: Final = grown(names.DELIVERIES_SUSPENDED, STEP, "cause")
FAILURES_EXPLAINED: Final = copied(
    f"sort_desc(round({grown(names.RELAY_FAILURES, RANGE, 'cause')}) > 0)", "cause", "meaning", "next_step"
)
STAGE_MEANS: Final = mean(names.DELIVERY_STAGE_SECONDS, STEP, "stage")
STAGE_SLOWEST: Final = quantile(0.95, names.DELIVERY_STAGE_SECONDS, RANGE, "stage")

# --- the door
CONNECTIONS: Final = grown(names.SMTPD_CONNECTIONS, STEP, "entry")
REJECTS: Final = grown(names.SMTPD_REJECTS, STEP, "reason")
REJECTED: Final = f"sort_desc(round({grown(names.SMTPD_REJECTS, RANGE, 'entry', 'reason')}) > 0)"
ABORTED: Final = grown(names.SMTPD_ABORTS, STEP, "how")
LOGINS_FAILED: Final = grown(names.SMTPD_AUTH_FAILURES, STEP, "entry")
SCREENED: Final = grown(names.POSTSCREEN_VERDICTS, STEP, "verdict")
TLS_SESSIONS: Final = grown(names.TLS_SESSIONS, STEP, "direction", "protocol", "trust")
GUESSES: Final = highest(compared("MailAuthBruteForce"))
RELAY_ATTEMPTS: Final = highest(compared("MailRelayAbuseAttempts"))

# --- the server's room and state
VOLUMES: Final = recorded("disk:mail_volume_free:ratio")
ROOM: Final = f"min({VOLUMES})"
VOLUME_BYTES: Final = compared("MailVolumeFull")
CERTIFICATE: Final = compared("MailCertificateExpiring")
COMPLAINTS: Final = grown(names.COMPLAINTS, STEP, "severity")
STARTS: Final = grown(names.SERVER_TURNS, RANGE, turn="started")

# --- the API
ASKED: Final = grown(names.API_MESSAGES, STEP, "result")
ASKED_IN_ALL: Final = grown(names.API_MESSAGES, RANGE)
ACCEPTED: Final = grown(names.API_MESSAGES, RANGE, result=Code.ACCEPTED)
FAULTS: Final = summed(compared("MailApiFailing"))
REFUSED: Final = (
    "sort_desc(round("
    + grown(names.API_MESSAGES, RANGE, "result", result="|".join(one for one in RESULTS if one is not Code.ACCEPTED))
    + ") > 0)"
)
RETRIES: Final = grown(names.API_SUBMISSION_RETRIES, RANGE)
LEDGER_FAULTS: Final = grown(names.API_LEDGER_FAULTS, STEP, "operation")
POOL: Final = summed(selector(names.API_CONNECTIONS), "state")
SUBMISSIONS: Final = grown(names.API_SUBMISSION_SECONDS, STEP, "le", part="_bucket")
SUBMISSION_MEAN: Final = mean(names.API_SUBMISSION_SECONDS, STEP)


def submission_quantile(share: float) -> str:
    """Return how long submissions to Postfix take, but for the slowest."""
    return quantile(share, names.API_SUBMISSION_SECONDS, STEP)


def asked_with(*codes: Code) -> str:
    """Return the requests that ended with one of these results."""
    return grown(names.API_MESSAGES, STEP, "result", result="|".join(codes))


_HTTP_SECONDS: Final = "http_request_duration_seconds"
HTTP: Final = f"sum by (handler, status) (increase({raw('http_requests_total', Service.API)}[{STEP}])) > 0"
HTTP_MEAN: Final = (
    f"sum(increase({raw(f'{_HTTP_SECONDS}_sum', Service.API, handler='/send')}[{STEP}]))\n"
    f"/ (sum(increase({raw(f'{_HTTP_SECONDS}_count', Service.API, handler='/send')}[{STEP}])) > 0)"
)
HTTP_BUCKETS: Final = (
    f"sum by (le) (increase({raw('http_request_duration_highr_seconds_bucket', Service.API)}[{STEP}]))"
)

# --- the relay account's quota; exporters that share a ledger all say the same, hence max
LIMIT: Final = highest(selector(names.QUOTA_LIMIT))
USED: Final = highest(selector(names.QUOTA_USED))
USED_SHARE: Final = f"{USED}\n/ {LIMIT}"
LEFT: Final = highest(selector(names.QUOTA_ROOM))
ON_THE_WAY: Final = highest(selector(names.QUOTA_IN_QUEUE))
USED_BY: Final = highest(selector(names.QUOTA_ENTRY_USED), "entry", "forwarded")
RUNS_OUT: Final = compared("MailQuotaWillRunOut")
QUOTA_STATE: Final = f"({highest(selector(names.QUOTA_ROOM))} < bool 1) + {highest(selector(names.QUOTA_EXHAUSTED))}"
"""0: mail is accepted from all, 1: from important API keys alone, 2: the relay takes nothing."""
REOPENS: Final = f"max({selector(names.QUOTA_REOPENS)}) * 1000"
"""Grafana's dates are in milliseconds. 0: there is room."""
WAITING_FOR_QUOTA: Final = f"{summed(selector(names.DEFERRED_MESSAGES, cause='quota'))}"
ADMISSIONS_REFUSED: Final = asked_with(Code.QUOTA_EXHAUSTED, Code.KEY_LIMIT_REACHED)
TAKEN: Final = grown(names.DELIVERY_ATTEMPTS, "1h", "relay", status="sent")

# --- telemetry about itself
PARTS: Final = f"min by (part) ({selector(names.SCRAPE_SUCCESS)})"
LAG: Final = highest(selector(names.LOG_LAG_SECONDS))
LAST_LINE: Final = f"time() - {highest(selector(names.LOG_LAST_LINE_TIMESTAMP_SECONDS))}"
UNREAD: Final = highest(selector(names.LOG_UNREAD_BYTES))
POSITION: Final = highest(selector(names.LOG_POSITION_BYTES))
GAPS: Final = grown(names.LOG_GAPS, RANGE)
LINES: Final = per_second(names.LOG_LINES, "result")
NOT_UNDERSTOOD: Final = grown(names.LOG_LINES, STEP, "result", result="unsupported|malformed|foreign")
OPEN_MAILS: Final = summed(selector(names.OPEN_MAILS))
EVICTED: Final = grown(names.EVICTED_MAILS, RANGE)
PENDING_ROWS: Final = summed(selector(names.LEDGER_PENDING_ROWS))
SPANS: Final = grown(names.SPANS, STEP)
API_SPANS: Final = grown(names.API_SPANS, STEP)
SPANS_DROPPED: Final = f"{grown(names.SPANS_DROPPED, STEP)}\n+ {grown(names.API_SPANS_DROPPED, STEP)}"
SPANS_DROPPED_IN_ALL: Final = f"{grown(names.SPANS_DROPPED, RANGE)}\n+ {grown(names.API_SPANS_DROPPED, RANGE)}"
_EACH: Final = (Service.API, Service.EXPORTER)
UP: Final = " or ".join(f"max by (job) ({raw('up', job)})" for job in _EACH)
SCRAPE_SECONDS: Final = "\nor ".join(raw("scrape_duration_seconds", job) for job in _EACH)
SCRAPE_SERIES: Final = "\nor ".join(raw("scrape_samples_scraped", job) for job in _EACH)
MEMORY: Final = "\nor ".join(raw("process_resident_memory_bytes", job) for job in _EACH)
CPU: Final = "\nor ".join(f"rate({raw('process_cpu_seconds_total', job)}[$__rate_interval])" for job in _EACH)
STARTED_AT: Final = "\nor ".join(f"{raw('process_start_time_seconds', job)} * 1000" for job in _EACH)
