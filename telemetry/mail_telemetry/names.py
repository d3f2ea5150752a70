"""Names of services, spans, attributes, log messages and metrics, and their label values.

Dashboards, alert rules, docs and tests import the names from here, so that each of them names only what is emitted.
There is no semantic convention for mail (open-telemetry/semantic-conventions#1945), hence the `mail.*`
namespace; server.*, error.type and the HTTP names are the stable conventions.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Service(StrEnum):
    """The `service.name` of each hop, which is also its container's name."""

    API = "mail-api"
    SERVER = "mail-server"
    EXPORTER = "mail-exporter"


class Entry(StrEnum):
    """How a mail entered Postfix; the same values in metrics, ledger and spans."""

    API = "api"
    INTERNAL = "internal"
    PUBLIC = "public"
    SUBMISSION = "submission"
    LOCAL = "local"


class Outcome(StrEnum):
    """The final outcome of a mail for one recipient."""

    SENT = "sent"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    DELETED = "deleted"
    DISCARDED = "discarded"


class SpanName(StrEnum):
    """The spans below the HTTP request, in the order of processing."""

    SUBMIT = "smtp submit"
    RECEIVE = "postfix receive"
    ATTEMPT = "postfix deliver"
    WAIT = "postfix wait"
    QUEUE = "postfix queue"
    CONNECT = "postfix connect"
    TRANSMIT = "postfix transmit"
    FINISH = "postfix finish"


class DeliveryStage(StrEnum):
    """Postfix's four stages of a delivery attempt, as in `delays=a/b/c/d`."""

    BEFORE_QUEUE_MANAGER = "before_queue_manager"
    QUEUE_MANAGER = "queue_manager"
    CONNECTION_SETUP = "connection_setup"
    TRANSMISSION = "transmission"


class Relation(StrEnum):
    """The relation of a linked mail to the mail of the span with the link."""

    ABOUT = "about"
    """The mail that this bounce or notice is about."""
    NOTICE = "notice"
    """A bounce or notice about this mail."""


class Attribute(StrEnum):
    """Span attributes and log fields; none of them contains a full address."""

    MESSAGE_ID = "mail.message_id"
    QUEUE_ID = "mail.queue_id"
    ENTRY = "mail.entry"
    SIZE = "mail.size"
    RECIPIENT_COUNT = "mail.recipient_count"
    RECIPIENT_DOMAIN = "mail.recipient_domain"
    ATTEMPT_NUMBER = "mail.attempt"
    STATUS = "mail.status"
    DSN = "mail.dsn"
    CAUSE = "mail.cause"
    REPLY = "mail.reply"
    STAGE = "mail.stage"
    TIME_PRECISION = "mail.time_precision_seconds"
    FORWARDED = "mail.forwarded"
    ATTEMPTS = "mail.attempts"
    OUTCOME = "mail.outcome"
    RELATION = "mail.relation"
    SERVER_ADDRESS = "server.address"
    SERVER_PORT = "server.port"
    ERROR_TYPE = "error.type"
    RESULT = "mail.result"
    RECIPIENT = "mail.recipient"
    ENDED = "mail.ended"
    STAGE_SECONDS = "mail.stage_seconds"
    DURATION = "duration_seconds"
    METADATA = "mail.metadata"
    FORM = "mail.form"
    REQUEST_ID = "http.request.id"
    HTTP_METHOD = "http.request.method"
    HTTP_ROUTE = "http.route"
    HTTP_STATUS = "http.response.status_code"


class LogLine(StrEnum):
    """The messages of the log lines about a mail."""

    ACCEPTED = "mail accepted"
    NOT_ACCEPTED = "mail not accepted"
    ANSWERED = "request answered"
    ATTEMPT = "delivery attempt ended"
    FINISH = "mail left the queue"


REPLY_EVENT: Final = "relay answered"
"""The span event with the reply of the relay, masked."""

MetricKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """Description of one metric family."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def exposed(self) -> str:
        """The name in the exposition: counters end in `_total` there."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_SECONDS_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SECONDS_DELIVERY = (
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    1800.0,
    3600.0,
    21600.0,
    86400.0,
)

_BYTES = (1e3, 1e4, 1e5, 1e6, 5e6, 1e7, 2.5e7)

# --- mail-api --------------------------------------------------------------------------------------
API_MESSAGES = Metric(
    "mail_api_messages",
    "counter",
    "Send requests, by result: accepted, or the error code of the response.",
    ("result",),
)
API_FORM_MESSAGES = Metric(
    "mail_api_form_messages",
    "counter",
    "Requests to send by POST /forms/NAME, by form and result; mail_api_messages_total counts them too. Only forms "
    "with a file have series.",
    ("form", "result"),
)
API_SUBMISSION_SECONDS = Metric(
    "mail_api_submission_duration_seconds",
    "histogram",
    "Duration of an SMTP submission to Postfix, including the wait for a pooled connection.",
    (),
    _SECONDS_SHORT,
)
API_SUBMISSION_RETRIES = Metric(
    "mail_api_submission_retries",
    "counter",
    "Submissions retried because Postfix was unreachable or replied 4xx before the message was sent.",
)
API_CONNECTIONS = Metric(
    "mail_api_smtp_connections",
    "gauge",
    "Connections to Postfix in the pool, by state.",
    ("state",),
)
API_LEDGER_FAULTS = Metric(
    "mail_api_ledger_faults",
    "counter",
    "Failed ledger operations, by operation; mail is sent without them. key: check a key or count its request; "
    "begin, claim, finish: record a submission; quota, status: read; settle, prune: maintenance; catch, release: keep "
    "and release mails that the honeypot caught.",
    ("operation",),
)
LEDGER_OPERATIONS: Final = ("key", "begin", "claim", "finish", "quota", "status", "settle", "prune", "catch", "release")

API_INVALID_KEYS = Metric(
    "mail_api_invalid_keys",
    "counter",
    "Requests with an invalid API key, by path.",
    ("path",),
)
PATHS_WITH_KEYS: Final = (
    *("/send", "/messages", "/messages/{message_id}", "/messages/{message_id}/release", "/quota", "/ready"),
)

API_CAUGHT_MAILS = Metric(
    "mail_api_caught_mails",
    "counter",
    "Mails that the honeypot caught, by outcome: kept, dropped (invalid, too large, with an API key, or "
    "HONEYPOT_KEEP_DAYS=0), released.",
    ("outcome",),
)
CAUGHT_OUTCOMES: Final = ("kept", "dropped", "released")
API_CAPTCHA_VERIFICATIONS = Metric(
    "mail_api_captcha_verifications",
    "counter",
    "Captcha tokens, by provider and result: passed, failed (not valid, used before, of another site), unavailable "
    "(the provider did not answer, or rejects the secret key).",
    ("provider", "result"),
)
CAPTCHA_PROVIDERS: Final = ("turnstile", "hcaptcha")
CAPTCHA_RESULTS: Final = ("passed", "failed", "unavailable")

API_SPANS = Metric(
    "mail_api_spans",
    "counter",
    "Spans of requests, exported or dropped.",
)
API_SPANS_DROPPED = Metric(
    "mail_api_spans_dropped",
    "counter",
    "Spans dropped because an export failed or the export queue was full.",
)
API_LOG_LINES_LOST = Metric(
    "mail_api_log_lines_lost",
    "counter",
    "Log lines lost because stdout was too slow or closed.",
)

# --- mail-exporter: from the mail log --------------------------------------------------------------
MESSAGES_RECEIVED = Metric(
    "postfix_messages_received",
    "counter",
    "Mails that entered the queue, by entry.",
    ("entry",),
)
MESSAGE_SIZE_BYTES = Metric(
    "postfix_message_size_bytes",
    "histogram",
    "Size of mails that entered the queue.",
    (),
    _BYTES,
)
DELIVERY_ATTEMPTS = Metric(
    "postfix_delivery_attempts",
    "counter",
    "Delivery attempts, one per recipient and attempt, by status and relay: the configured relay by its name, "
    "other (other servers), local (delivery agents of this server), none (no connection).",
    ("status", "relay"),
)
RELAY_FAILURES = Metric(
    "postfix_relay_failures",
    "counter",
    "Delivery attempts that failed at the relay, by cause. Every cause has a series from the start.",
    ("cause",),
)
HOST_FAILURES = Metric(
    "postfix_host_failures",
    "counter",
    "Hosts that failed before Postfix tried another host of the same destination, by relay and cause. These are no "
    "delivery attempts. relay is none where the log line does not name the host.",
    ("relay", "cause"),
)
DELIVERIES_SUSPENDED = Metric(
    "postfix_deliveries_suspended",
    "counter",
    "Delivery attempts that Postfix skipped because the destination had just failed, by cause of that failure.",
    ("cause",),
)
DELIVERY_STAGE_SECONDS = Metric(
    "postfix_delivery_stage_seconds",
    "histogram",
    "Duration of each of the four stages of a delivery attempt, from `delays=` in the log. The first stage is "
    "observed for first attempts only, because Postfix adds earlier waits to it.",
    ("stage",),
    _SECONDS_DELIVERY,
)
RECIPIENTS_FINISHED = Metric(
    "postfix_recipients_finished",
    "counter",
    "Recipients that are finished, by outcome, entry of the mail, and whether an alias of this server forwarded it. "
    "A forwarded mail from the internet has entry public and forwarded yes.",
    ("outcome", "entry", "forwarded"),
)
DELIVERY_SECONDS = Metric(
    "postfix_delivery_duration_seconds",
    "histogram",
    "Time from the arrival of a mail to the outcome for a recipient, including all attempts and waits, by outcome.",
    ("outcome",),
    _SECONDS_DELIVERY,
)
NOTICES = Metric(
    "postfix_notices",
    "counter",
    "Notifications that Postfix sent about mails, by kind: failure (bounce), delay, success, postmaster.",
    ("kind",),
)
TLS_SESSIONS = Metric(
    "postfix_tls_sessions",
    "counter",
    "TLS sessions, by direction, protocol and trust in the certificate of the other side.",
    ("direction", "protocol", "trust"),
)
SMTPD_CONNECTIONS = Metric(
    "postfix_smtpd_connections",
    "counter",
    "SMTP client connections, by listener, without the server's own health checks.",
    ("entry",),
)
SMTPD_ABORTS = Metric(
    "postfix_smtpd_aborted_sessions",
    "counter",
    "SMTP sessions that ended without QUIT, by listener and reason: lost (connection), timeout, errors (too many).",
    ("entry", "how"),
)
SMTPD_REJECTS = Metric(
    "postfix_smtpd_rejects",
    "counter",
    "SMTP clients, senders, recipients and mails rejected by Postfix, a policy server or a milter, by listener and "
    "reason. unavailable: a temporary failure of this server.",
    ("entry", "reason"),
)
SMTPD_AUTH_FAILURES = Metric(
    "postfix_smtpd_auth_failures",
    "counter",
    "Failed logins of SMTP clients, by listener.",
    ("entry",),
)
FORWARD_LIMIT_USED = Metric(
    "postfix_forward_limit_used_recipients",
    "counter",
    "Recipients of mail from outside that count against FORWARD_DAILY_LIMIT: those of each accepted mail, once for "
    "each address in FORWARD_EMAIL.",
)
FORWARD_LIMIT = Metric(
    "postfix_forward_limit_recipients",
    "gauge",
    "Recipients of mail from outside that are forwarded in 24 hours (FORWARD_DAILY_LIMIT); 0: no limit.",
)
POSTSCREEN_VERDICTS = Metric(
    "postfix_postscreen_verdicts",
    "counter",
    "Clients tested by postscreen, by verdict; only where postscreen is used. veto: on the allowlist only at a "
    "secondary address.",
    ("verdict",),
)
SERVER_TURNS = Metric(
    "postfix_server_turns",
    "counter",
    "Starts, reloads and stops of Postfix.",
    ("turn",),
)
COMPLAINTS = Metric(
    "postfix_log_complaints",
    "counter",
    "Log lines with a severity, by severity, without failed logins.",
    ("severity",),
)
LOG_NOTES = Metric(
    "postfix_log_notes",
    "counter",
    "Log lines about configuration and sessions, by note, for example table_changed (a lookup table was changed), "
    "default_used (compatibility_level), wrappermode_required, tls_report_failure, stress (postscreen).",
    ("note",),
)
LOG_LINES = Metric(
    "postfix_log_lines",
    "counter",
    "Log lines read, by result: parsed, foreign (of another program), unsupported (of Postfix, unknown format), "
    "malformed (no syslog header).",
    ("result",),
)

# --- mail-exporter: from the queue -----------------------------------------------------------------
QUEUE_MESSAGES = Metric("postfix_queue_messages", "gauge", "Mails in the queue, by queue.", ("queue",))
QUEUE_BYTES = Metric("postfix_queue_size_bytes", "gauge", "Size of the mails in the queue, by queue.", ("queue",))
QUEUE_OLDEST_AGE_SECONDS = Metric(
    "postfix_queue_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest mail, by queue; 0 for an empty queue.",
    ("queue",),
)
DEFERRED_MESSAGES = Metric(
    "postfix_queue_deferred_messages", "gauge", "Deferred mails in the queue, by cause.", ("cause",)
)
DEFERRED_BYTES = Metric(
    "postfix_queue_deferred_size_bytes", "gauge", "Size of the deferred mails in the queue, by cause.", ("cause",)
)
DEFERRED_OLDEST_AGE_SECONDS = Metric(
    "postfix_queue_deferred_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest deferred mail, by cause; 0 without such a mail.",
    ("cause",),
)

# --- mail-exporter: from the server -----------------------------------------------------------------
CERTIFICATE_EXPIRY_SECONDS = Metric(
    "postfix_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "Unix time when the certificate of the submission port expires; read once an hour.",
)
VOLUME_FREE_BYTES = Metric(
    "mail_volume_free_bytes",
    "gauge",
    "Free bytes of the disk of a volume: log, ledger, spool. The label disk lists all volumes on that disk. A volume "
    "that is not mounted has no series.",
    ("volume", "disk"),
)
VOLUME_SIZE_BYTES = Metric(
    "mail_volume_size_bytes", "gauge", "Size of that disk, with the same labels.", ("volume", "disk")
)

# --- mail-exporter: quota of the relay account, from the ledger --------------------------------------
# Of the whole account, also when several mail servers share it: dashboards use the maximum of the exporters, not a sum.
QUOTA_LIMIT = Metric(
    "mail_quota_limit_recipients",
    "gauge",
    "Recipients that the relay accepts in a window of 24 hours (SMTP_RELAY_DAILY_LIMIT).",
)
QUOTA_USED = Metric(
    "mail_quota_used_recipients", "gauge", "Recipients that the relay accepted in the window, from the mail log."
)
QUOTA_ENTRY_USED = Metric(
    "mail_quota_entry_used_recipients",
    "gauge",
    "Recipients that the relay accepted in the window, by entry and whether an alias of this server forwarded them.",
    ("entry", "forwarded"),
)
QUOTA_REMAINING = Metric(
    "mail_quota_remaining_recipients",
    "gauge",
    "Recipients that the relay still accepts; 0 while the relay itself replies that the limit is used up.",
)
QUOTA_RESERVE = Metric(
    "mail_quota_reserve_recipients",
    "gauge",
    "Recipients of the limit that only important API keys may use (QUOTA_RESERVE).",
)
QUOTA_ROOM = Metric(
    "mail_quota_room_recipients",
    "gauge",
    "Recipients that callers without an important API key may still send to: limit less reserve, used and in queue; "
    "0 while the quota is exhausted.",
)
QUOTA_REOPENS = Metric(
    "mail_quota_reopens_timestamp_seconds",
    "gauge",
    "Unix time when callers without an important API key have room for a recipient if nothing else is sent; 0: now.",
)
QUOTA_IN_QUEUE = Metric(
    "mail_quota_in_queue_recipients",
    "gauge",
    "Recipients that are in the queue, or submitted by the API, and not yet accepted by the relay.",
)
QUOTA_NEXT_RELEASE = Metric(
    "mail_quota_next_release_timestamp_seconds",
    "gauge",
    "Unix time when the oldest recipient leaves the window; 0 for an empty window.",
)
QUOTA_EXHAUSTED = Metric(
    "mail_quota_exhausted", "gauge", "1 while the quota is exhausted, by the count or by a reply of the relay; else 0."
)
QUOTA_EXHAUSTION = Metric(
    "mail_quota_exhaustion_timestamp_seconds",
    "gauge",
    "Estimated Unix time when the quota is exhausted at the rate of the window's last 24th (the last hour of a day); "
    "the present time while it is exhausted; 0: not within a window.",
)

# --- mail-exporter: API keys with a limit, from the ledger --------------------------------------------
KEY_ROOM = Metric(
    "mail_key_room_recipients",
    "gauge",
    "Recipients that an API key with a limit for 24 hours may still send to, by name of the key.",
    ("key",),
)
KEY_REOPENS = Metric(
    "mail_key_reopens_timestamp_seconds",
    "gauge",
    "Unix time when an API key has room for a recipient if it sends nothing else, by name of the key; 0: now.",
    ("key",),
)

# --- mail-exporter: its own state ------------------------------------------------------------------
SCRAPE_SUCCESS = Metric(
    "mail_exporter_scrape_success",
    "gauge",
    "1 if the collector succeeded at the last scrape, else 0, by part. The other collectors still report.",
    ("part",),
)
LOG_LAST_LINE_TIMESTAMP_SECONDS = Metric(
    "mail_exporter_log_last_line_timestamp_seconds",
    "gauge",
    "Unix time of the newest log line read; 0 before the first.",
)
LOG_LAG_SECONDS = Metric(
    "mail_exporter_log_lag_seconds",
    "gauge",
    "Delay of log reading: 0 when everything was read, else the age of the newest line read.",
)
LOG_UNREAD_BYTES = Metric(
    "mail_exporter_log_unread_bytes",
    "gauge",
    "Bytes of the current log file that are not read yet, without rotated files.",
)
LOG_POSITION_BYTES = Metric(
    "mail_exporter_log_position_bytes",
    "gauge",
    "Position in the current log file up to which lines were read and stored.",
)
LOG_GAPS = Metric(
    "mail_exporter_log_gaps",
    "counter",
    "Gaps in the log where lines may be missing: the last read file was deleted or truncated, or a line had no end.",
)
OPEN_MAILS = Metric(
    "mail_exporter_open_mails",
    "gauge",
    "Mails that are in the queue according to the log, and tracked by the exporter.",
)
EVICTED_MAILS = Metric(
    "mail_exporter_evicted_mails",
    "counter",
    "Mails dropped from tracking before their end, because the limit of tracked mails was reached.",
)
LEDGER_PENDING_ROWS = Metric(
    "mail_exporter_ledger_pending_rows",
    "gauge",
    "Rows waiting to be stored in the ledger; above the limit, log reading pauses.",
)
SPANS = Metric(
    "mail_exporter_spans",
    "counter",
    "Spans of mails, exported or dropped.",
)
SPANS_DROPPED = Metric(
    "mail_exporter_spans_dropped",
    "counter",
    "Spans dropped because an export failed or the export queue was full.",
)

METRICS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Metric))
