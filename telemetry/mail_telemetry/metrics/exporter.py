"""The metrics of mail-exporter: from the mail log, the queue, the server, the ledger, and about itself."""

from typing import Final

from mail_telemetry.metrics import MetricDescription

_SECONDS = (
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

# --- From the mail log --------------------------------------------------------------
MESSAGES_RECEIVED = MetricDescription(
    "postfix_messages_received",
    "counter",
    "Mails that entered the queue, by entry.",
    ("entry",),
)
MESSAGE_SIZE_BYTES = MetricDescription(
    "postfix_message_size_bytes",
    "histogram",
    "Size of mails that entered the queue.",
    (),
    _BYTES,
)
DELIVERY_ATTEMPTS = MetricDescription(
    "postfix_delivery_attempts",
    "counter",
    "Delivery attempts, one per recipient and attempt, by status and relay: the configured relay by its name, "
    "other (other servers), local (delivery agents of this server), none (no connection).",
    ("status", "relay"),
)
RELAY_FAILURES = MetricDescription(
    "postfix_relay_failures",
    "counter",
    "Delivery attempts that failed at the relay, by cause. Every cause has a series from the start.",
    ("cause",),
)
HOST_FAILURES = MetricDescription(
    "postfix_host_failures",
    "counter",
    "Hosts that failed before Postfix tried another host of the same destination, by relay and cause. These are no "
    "delivery attempts. relay is none where the log line does not name the host.",
    ("relay", "cause"),
)
DELIVERIES_SUSPENDED = MetricDescription(
    "postfix_deliveries_suspended",
    "counter",
    "Delivery attempts that Postfix skipped because the destination had just failed, by cause of that failure.",
    ("cause",),
)
DELIVERY_STAGE_SECONDS = MetricDescription(
    "postfix_delivery_stage_seconds",
    "histogram",
    "Duration of each of the four stages of a delivery attempt, from `delays=` in the log. The first stage is "
    "observed for first attempts only, because Postfix adds earlier waits to it.",
    ("stage",),
    _SECONDS,
)
RECIPIENTS_FINISHED = MetricDescription(
    "postfix_recipients_finished",
    "counter",
    "Recipients that are finished, by outcome, entry of the mail, and whether an alias of this server forwarded it. "
    "A forwarded mail from the internet has entry public and forwarded yes.",
    ("outcome", "entry", "forwarded"),
)
DELIVERY_SECONDS = MetricDescription(
    "postfix_delivery_duration_seconds",
    "histogram",
    "Time from the arrival of a mail to the outcome for a recipient, including all attempts and waits, by outcome.",
    ("outcome",),
    _SECONDS,
)
NOTICES = MetricDescription(
    "postfix_notices",
    "counter",
    "Notifications that Postfix sent about mails, by kind: failure (bounce), delay, success, postmaster.",
    ("kind",),
)
TLS_SESSIONS = MetricDescription(
    "postfix_tls_sessions",
    "counter",
    "TLS sessions, by direction, protocol and trust in the certificate of the other side.",
    ("direction", "protocol", "trust"),
)
SMTPD_CONNECTIONS = MetricDescription(
    "postfix_smtpd_connections",
    "counter",
    "SMTP client connections, by listener, without the server's own health checks.",
    ("entry",),
)
SMTPD_ABORTS = MetricDescription(
    "postfix_smtpd_aborted_sessions",
    "counter",
    "SMTP sessions that ended without QUIT, by listener and reason: lost (connection), timeout, errors (too many).",
    ("entry", "how"),
)
SMTPD_REJECTS = MetricDescription(
    "postfix_smtpd_rejects",
    "counter",
    "SMTP clients, senders, recipients and mails rejected by Postfix, a policy server or a milter, by listener and "
    "reason. unavailable: a temporary failure of this server.",
    ("entry", "reason"),
)
SMTPD_AUTH_FAILURES = MetricDescription(
    "postfix_smtpd_auth_failures",
    "counter",
    "Failed logins of SMTP clients, by listener.",
    ("entry",),
)
FORWARD_LIMIT_USED = MetricDescription(
    "postfix_forward_limit_used_recipients",
    "counter",
    "Recipients of mail from outside that count against FORWARD_DAILY_LIMIT: those of each accepted mail, once for "
    "each address in FORWARD_EMAIL.",
)
FORWARD_LIMIT = MetricDescription(
    "postfix_forward_limit_recipients",
    "gauge",
    "Recipients of mail from outside that are forwarded in 24 hours (FORWARD_DAILY_LIMIT); 0: no limit.",
)
POSTSCREEN_VERDICTS = MetricDescription(
    "postfix_postscreen_verdicts",
    "counter",
    "Clients tested by postscreen, by verdict; only where postscreen is used. veto: on the allowlist only at a "
    "secondary address.",
    ("verdict",),
)
SERVER_TURNS = MetricDescription(
    "postfix_server_turns",
    "counter",
    "Starts, reloads and stops of Postfix.",
    ("turn",),
)
COMPLAINTS = MetricDescription(
    "postfix_log_complaints",
    "counter",
    "Log lines with a severity, by severity, without failed logins.",
    ("severity",),
)
LOG_NOTES = MetricDescription(
    "postfix_log_notes",
    "counter",
    "Log lines about configuration and sessions, by note, for example table_changed (a lookup table was changed), "
    "default_used (compatibility_level), wrappermode_required, tls_report_failure, stress (postscreen).",
    ("note",),
)
LOG_LINES = MetricDescription(
    "postfix_log_lines",
    "counter",
    "Log lines read, by result: parsed, foreign (of another program), unsupported (of Postfix, unknown format), "
    "malformed (no syslog header).",
    ("result",),
)

# --- From the queue -----------------------------------------------------------------
QUEUE_MESSAGES = MetricDescription("postfix_queue_messages", "gauge", "Mails in the queue, by queue.", ("queue",))
QUEUE_BYTES = MetricDescription(
    "postfix_queue_size_bytes", "gauge", "Size of the mails in the queue, by queue.", ("queue",)
)
QUEUE_OLDEST_AGE_SECONDS = MetricDescription(
    "postfix_queue_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest mail, by queue; 0 for an empty queue.",
    ("queue",),
)
DEFERRED_MESSAGES = MetricDescription(
    "postfix_queue_deferred_messages", "gauge", "Deferred mails in the queue, by cause.", ("cause",)
)
DEFERRED_BYTES = MetricDescription(
    "postfix_queue_deferred_size_bytes", "gauge", "Size of the deferred mails in the queue, by cause.", ("cause",)
)
DEFERRED_OLDEST_AGE_SECONDS = MetricDescription(
    "postfix_queue_deferred_oldest_message_age_seconds",
    "gauge",
    "Age of the oldest deferred mail, by cause; 0 without such a mail.",
    ("cause",),
)

# --- From the server -----------------------------------------------------------------
CERTIFICATE_EXPIRY_SECONDS = MetricDescription(
    "postfix_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "Unix time when the certificate of the submission port expires; read once an hour.",
)
VOLUME_FREE_BYTES = MetricDescription(
    "mail_volume_free_bytes",
    "gauge",
    "Free bytes of the disk of a volume: log, ledger, spool. The label disk lists all volumes on that disk. A volume "
    "that is not mounted has no series.",
    ("volume", "disk"),
)
VOLUME_SIZE_BYTES = MetricDescription(
    "mail_volume_size_bytes", "gauge", "Size of that disk, with the same labels.", ("volume", "disk")
)

# --- Quota of the relay account, from the ledger --------------------------------------
# Of the whole account, also when several mail servers share it: dashboards use the maximum of the exporters, not a sum.
QUOTA_LIMIT = MetricDescription(
    "mail_quota_limit_recipients",
    "gauge",
    "Recipients that the relay accepts in a window of 24 hours (SMTP_RELAY_DAILY_LIMIT).",
)
QUOTA_USED = MetricDescription(
    "mail_quota_used_recipients", "gauge", "Recipients that the relay accepted in the window, from the mail log."
)
QUOTA_ENTRY_USED = MetricDescription(
    "mail_quota_entry_used_recipients",
    "gauge",
    "Recipients that the relay accepted in the window, by entry and whether an alias of this server forwarded them.",
    ("entry", "forwarded"),
)
QUOTA_REMAINING = MetricDescription(
    "mail_quota_remaining_recipients",
    "gauge",
    "Recipients that the relay still accepts; 0 while the relay itself replies that the limit is used up.",
)
QUOTA_RESERVE = MetricDescription(
    "mail_quota_reserve_recipients",
    "gauge",
    "Recipients of the limit that only important API keys may use (QUOTA_RESERVE).",
)
QUOTA_ROOM = MetricDescription(
    "mail_quota_room_recipients",
    "gauge",
    "Recipients that callers without an important API key may still send to: limit less reserve, used and in queue; "
    "0 while the quota is exhausted.",
)
QUOTA_REOPENS = MetricDescription(
    "mail_quota_reopens_timestamp_seconds",
    "gauge",
    "Unix time when callers without an important API key have room for a recipient if nothing else is sent; 0: now.",
)
QUOTA_IN_QUEUE = MetricDescription(
    "mail_quota_in_queue_recipients",
    "gauge",
    "Recipients that are in the queue, or submitted by the API, and not yet accepted by the relay.",
)
QUOTA_NEXT_RELEASE = MetricDescription(
    "mail_quota_next_release_timestamp_seconds",
    "gauge",
    "Unix time when the oldest recipient leaves the window; 0 for an empty window.",
)
QUOTA_EXHAUSTED = MetricDescription(
    "mail_quota_exhausted", "gauge", "1 while the quota is exhausted, by the count or by a reply of the relay; else 0."
)
QUOTA_EXHAUSTION = MetricDescription(
    "mail_quota_exhaustion_timestamp_seconds",
    "gauge",
    "Estimated Unix time when the quota is exhausted at the rate of the window's last 24th (the last hour of a day); "
    "the present time while it is exhausted; 0: not within a window.",
)

# --- API keys with a limit, from the ledger --------------------------------------------
KEY_ROOM = MetricDescription(
    "mail_key_room_recipients",
    "gauge",
    "Recipients that an API key with a limit for 24 hours may still send to, by name of the key.",
    ("key",),
)
KEY_REOPENS = MetricDescription(
    "mail_key_reopens_timestamp_seconds",
    "gauge",
    "Unix time when an API key has room for a recipient if it sends nothing else, by name of the key; 0: now.",
    ("key",),
)

# --- Its own state ------------------------------------------------------------------
SCRAPE_SUCCESS = MetricDescription(
    "mail_exporter_scrape_success",
    "gauge",
    "1 if the collector succeeded at the last scrape, else 0, by part. The other collectors still report.",
    ("part",),
)
LOG_LAST_LINE_TIMESTAMP_SECONDS = MetricDescription(
    "mail_exporter_log_last_line_timestamp_seconds",
    "gauge",
    "Unix time of the newest log line read; 0 before the first.",
)
LOG_LAG_SECONDS = MetricDescription(
    "mail_exporter_log_lag_seconds",
    "gauge",
    "Delay of log reading: 0 when everything was read, else the age of the newest line read.",
)
LOG_UNREAD_BYTES = MetricDescription(
    "mail_exporter_log_unread_bytes",
    "gauge",
    "Bytes of the current log file that are not read yet, without rotated files.",
)
LOG_POSITION_BYTES = MetricDescription(
    "mail_exporter_log_position_bytes",
    "gauge",
    "Position in the current log file up to which lines were read and stored.",
)
LOG_GAPS = MetricDescription(
    "mail_exporter_log_gaps",
    "counter",
    "Gaps in the log where lines may be missing: the last read file was deleted or truncated, or a line had no end.",
)
OPEN_MAILS = MetricDescription(
    "mail_exporter_open_mails",
    "gauge",
    "Mails that are in the queue according to the log, and tracked by the exporter.",
)
EVICTED_MAILS = MetricDescription(
    "mail_exporter_evicted_mails",
    "counter",
    "Mails dropped from tracking before their end, because the limit of tracked mails was reached.",
)
LEDGER_PENDING_ROWS = MetricDescription(
    "mail_exporter_ledger_pending_rows",
    "gauge",
    "Rows waiting to be stored in the ledger; above the limit, log reading pauses.",
)
SPANS = MetricDescription(
    "mail_exporter_spans",
    "counter",
    "Spans of mails, exported or dropped.",
)
SPANS_DROPPED = MetricDescription(
    "mail_exporter_spans_dropped",
    "counter",
    "Spans dropped because an export failed or the export queue was full.",
)

METRICS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, MetricDescription))
